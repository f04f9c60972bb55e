#include "agent/launcher/server.hpp"

#include <fcntl.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "agent/launcher/os/capabilities.hpp"
#include "agent/launcher/sabotage.hpp"

namespace edge::launcher {
namespace {

Result<sockaddr_un> unix_address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path)
        return Error{Errc::bad_value, path, "a socket's path has 1 to 107 bytes; choose a shorter --socket"};
    std::memcpy(address.sun_path, path.c_str(), path.size());
    return address;
}

Result<Fd> new_socket() {
    Fd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return os_error(errno, "socket");
    return fd;
}

/// False, and errno, if it was not sent; with `passed`, that descriptor goes along.
bool send_packet(int to, const Bytes& packet, const Fd& passed) {
    iovec part{const_cast<std::byte*>(packet.data()), packet.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))]{};
    if (passed) {
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        auto* rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int));
        const int number = passed.get();
        std::memcpy(CMSG_DATA(rights), &number, sizeof number);
    }
    return ::sendmsg(to, &message, MSG_NOSIGNAL) >= 0;
}

/// A socket file that belongs to `owner`, mode 0600, without CAP_CHOWN: it is made with the owner's fsuid, in a folder
/// of our own where it may write for the moment, by our group: another user could rename a socket of his own over ours,
/// which root would then move to the place. Moved there when it is ready.
Result<> bind_owned(int fd, const std::string& path, uid_t owner) {
    // Where it was, for who asks what its relative paths mean; one that may not look there goes to /.
    const Fd before(::open(".", O_PATH | O_DIRECTORY | O_CLOEXEC));
    std::string folder = path + ".XXXXXX";
    if (::mkdtemp(folder.data()) == nullptr) return os_error(errno, path, "cannot be made; choose another --socket");
    const auto clean = [&](Result<> result) -> Result<> {
        if ((!before || ::fchdir(before.get()) != 0) && ::chdir("/") != 0 && result) result = os_error(errno, "/");
        ::unlink((folder + "/s").c_str());
        ::rmdir(folder.c_str());
        return result;
    };
    const bool is_ours = owner == ::geteuid();  // then nobody else has business there
    if ((!is_ours && ::chmod(folder.c_str(), 0730) != 0) || ::chdir(folder.c_str()) != 0)
        return clean(os_error(errno, folder));
    EDGE_TRY(const auto name, unix_address("s"));
    const mode_t mask = ::umask(0177);
    ::setfsuid(owner);
    const int bound = ::bind(fd, reinterpret_cast<const sockaddr*>(&name), sizeof name);
    const int why = errno;
    ::setfsuid(::geteuid());
    lower_dac_override();
    ::umask(mask);
    if (bound != 0) return clean(os_error(why, path, "cannot be bound"));
    if (::listen(fd, 16) != 0) return clean(os_error(errno, path));
    struct stat made {
    }, placed{};
    const bool known = ::lstat("s", &made) == 0;
    if (::rename((folder + "/s").c_str(), path.c_str()) != 0)
        return clean(os_error(errno, path, "cannot be put in place"));
    if (!known || ::lstat(path.c_str(), &placed) != 0 || placed.st_ino != made.st_ino || !S_ISSOCK(placed.st_mode)) {
        ::unlink(path.c_str());
        return clean(
            Error{Errc::denied, path, "is not the socket that was made; somebody else writes in its folder", 0});
    }
    return clean(ok());
}

}  // namespace

Result<> check_path_is_free(const std::string& path) {
    EDGE_TRY(const auto address, unix_address(path));
    EDGE_TRY(const auto fd, new_socket());
    const int connected = ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    if (connected == 0 || errno == EAGAIN || errno == EPROTOTYPE)
        return Error{Errc::unavailable, path, "is in use by another process; stop it, or choose another --socket", 0};
    const std::string folder = std::filesystem::path(path).parent_path();
    if (::access((folder + "/.").c_str(), F_OK) != 0)
        return Error{Errc::conflict, folder, "the folder of --socket is not there; run: install -d " + folder};
    struct stat info {};
    if (::lstat(path.c_str(), &info) == 0 && !S_ISSOCK(info.st_mode))
        return Error{Errc::unavailable, path, "is there and no socket; choose another --socket", 0};
    return ok();
}

Server::Server(Poller& poller, uid_t agent, spdlog::logger& log, OnRequest on_request, OnGone on_gone)
    : poller_(poller), agent_(agent), log_(log), on_request_(std::move(on_request)), on_gone_(std::move(on_gone)) {}

Server::~Server() {
    if (socket_) {
        poller_.forget(socket_.get());
        ::unlink(path_.c_str());
    }
    for (const auto& [id, client] : clients_) poller_.forget(client.fd.get());
}

Result<> Server::listen(const std::string& path) {
    EDGE_TRY(check_path_is_free(path));
    EDGE_TRY(auto fd, new_socket());
    EDGE_TRY(bind_owned(fd.get(), path, agent_));
    EDGE_TRY(poller_.watch(fd.get(), [this] { accept(); }));
    socket_ = std::move(fd);
    path_ = path;
    return ok();
}

void Server::accept() {
    Fd fd(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd) return;
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return;
    if (peer.uid != agent_ && peer.uid != 0 && !EDGE_IS_OFF(client_uid))
        return log_.warn("client_refused uid={} pid={} why=\"not the agent and not root\"", peer.uid, peer.pid);
    if (clients_.size() >= kMaxClients)
        return log_.warn("client_refused uid={} pid={} why=\"too many\"", peer.uid, peer.pid);
    const ClientId id = ++last_client_;
    if (!poller_.watch(fd.get(), [this, id] { serve(id); })) return;
    clients_[id].fd = std::move(fd);
    log_.info("client_connected client={} uid={} pid={}", id, peer.uid, peer.pid);
}

void Server::serve(ClientId client) {
    const auto found = clients_.find(client);
    if (found == clients_.end()) return;
    if (found->second.slow)
        flush(client);
    else
        receive(client, found->second.fd.get());
}

void Server::receive(ClientId client, int fd) {
    alignas(std::max_align_t) std::byte packet[kMaxRequest];
    const ssize_t n = ::recv(fd, packet, sizeof packet, MSG_TRUNC);  // descriptors sent along are not taken
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) return drop(client, "closed");
    if (static_cast<std::size_t>(n) > sizeof packet) return drop(client, "malformed packet");
    const auto request = parse_request({packet, static_cast<std::size_t>(n)});
    if (!request) return drop(client, "malformed packet");
    on_request_(client, *request);
}

void Server::send(ClientId client, Bytes packet, Fd passed) {
    const auto found = clients_.find(client);
    if (found == clients_.end()) return;
    auto& unsent = found->second.unsent;
    if (unsent.size() >= kMaxUnsent) return drop(client, "does not read what it is sent");
    unsent.push_back({std::move(packet), std::move(passed)});
    if (!found->second.slow) flush(client);
}

void Server::flush(ClientId client) {
    auto& [fd, unsent, slow] = clients_.at(client);
    while (!unsent.empty()) {
        if (!send_packet(fd.get(), unsent.front().packet, unsent.front().passed)) {
            if (errno != EAGAIN) return drop(client, "closed");
            break;
        }
        unsent.pop_front();
    }
    if (slow == !unsent.empty()) return;
    slow = !unsent.empty();
    poller_.wait_until(fd.get(), slow ? Poller::Ready::to_write : Poller::Ready::to_read);
    if (slow) log_.debug("client_slow client={}", client);
}

void Server::send_all(const Bytes& packet) {
    std::vector<ClientId> ids;  // sending may drop one
    for (const auto& [id, to] : clients_) ids.push_back(id);
    for (const auto id : ids) send(id, packet);
}

void Server::drop(ClientId client, const char* why) {
    const auto found = clients_.find(client);
    if (found == clients_.end()) return;
    poller_.forget(found->second.fd.get());
    clients_.erase(found);
    log_.info("client_gone client={} why=\"{}\"", client, why);
    on_gone_(client);
}

}  // namespace edge::launcher
