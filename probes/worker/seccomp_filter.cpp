#include "probes/worker/seccomp_filter.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "probes/worker/seccomp_lists.hpp"

namespace edge::probes {
namespace {

struct Release {
    void operator()(void* context) const { seccomp_release(context); }
};

/// Collects rules; the first refusal of libseccomp is kept.
class Filter {
  public:
    Filter() : context_(seccomp_init(SCMP_ACT_ERRNO(ENOSYS))) {}

    bool is_made() const { return static_cast<bool>(context_); }
    int first_error() const { return error_; }

    template <class... Comparisons>
    void rule(std::uint32_t action, int call, Comparisons... comparisons) {
        note(seccomp_rule_add(context_.get(), action, call, sizeof...(comparisons), comparisons...));
    }
    void attribute(scmp_filter_attr what, std::uint32_t value) { note(seccomp_attr_set(context_.get(), what, value)); }
    void load() { note(seccomp_load(context_.get())); }

  private:
    void note(int result) {
        if (result < 0 && error_ == 0) error_ = -result;
    }

    std::unique_ptr<void, Release> context_;
    int error_ = 0;
};

constexpr scmp_datum_t datum(int value) {
    return static_cast<scmp_datum_t>(static_cast<unsigned>(value));
}

void add_sockets(Filter& filter) {
    constexpr scmp_datum_t kTypeBits = 0xf;  // the rest are SOCK_NONBLOCK and SOCK_CLOEXEC
    for (const SocketKind& kind : kSockets) {
        filter.rule(SCMP_ACT_ALLOW, SCMP_SYS(socket), SCMP_A0(SCMP_CMP_EQ, datum(kind.family)),
                    SCMP_A1(SCMP_CMP_MASKED_EQ, kTypeBits, datum(kind.type)),
                    SCMP_A2(SCMP_CMP_EQ, datum(kind.protocol)));
    }
    for (const SocketOption& option : kSocketOptions) {
        filter.rule(SCMP_ACT_ALLOW, SCMP_SYS(setsockopt), SCMP_A1(SCMP_CMP_EQ, datum(option.level)),
                    SCMP_A2(SCMP_CMP_EQ, datum(option.name)));
    }
}

void add_guarded_calls(Filter& filter) {
    for (const int command : kFcntl) filter.rule(SCMP_ACT_ALLOW, SCMP_SYS(fcntl), SCMP_A1(SCMP_CMP_EQ, datum(command)));
    filter.rule(SCMP_ACT_ALLOW, SCMP_SYS(ioctl),
                SCMP_A1(SCMP_CMP_EQ, FIONBIO));  // Asio makes its sockets non-blocking so
    // fstat(3) of glibc 2.36 is newfstatat with an empty path; with a path there is no file.
    filter.rule(SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), SCMP_A3(SCMP_CMP_EQ, datum(AT_EMPTY_PATH)));
    filter.rule(SCMP_ACT_ALLOW, SCMP_SYS(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ, datum(PROT_EXEC), 0));
    filter.rule(SCMP_ACT_ALLOW, SCMP_SYS(mprotect), SCMP_A2(SCMP_CMP_MASKED_EQ, datum(PROT_EXEC), 0));
    filter.rule(SCMP_ACT_ALLOW, SCMP_SYS(tgkill), SCMP_A0(SCMP_CMP_EQ, datum(getpid())));  // abort(3)
    // A thread is refused and libraries go on without; a process kills. clone3's flags are in memory where no filter
    // sees them: ENOSYS, the default, and glibc comes back with clone.
    filter.rule(SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
    filter.rule(SCMP_ACT_KILL_PROCESS, SCMP_SYS(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
}

}  // namespace

Result<> seal_system_calls(Binding binding) {
    Filter filter;
    if (!filter.is_made()) return Error{Errc::io, "seccomp", "no memory for the filter"};
    filter.attribute(SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    filter.attribute(SCMP_FLTATR_CTL_OPTIMIZE, 2);  // a binary tree: every packet pays for a long list
    for (const int call : kAllowed) filter.rule(SCMP_ACT_ALLOW, call);
    if (binding == Binding::by_itself)
        filter.rule(SCMP_ACT_ALLOW, SCMP_SYS(setsockopt), SCMP_A1(SCMP_CMP_EQ, SOL_SOCKET),
                    SCMP_A2(SCMP_CMP_EQ, SO_BINDTODEVICE));
    for (const int call : kNoSuchFile) filter.rule(SCMP_ACT_ERRNO(ENOENT), call);
    for (const int call : kKilled) filter.rule(SCMP_ACT_KILL_PROCESS, call);
    for (const int call : kForbidden) filter.rule(SCMP_ACT_ERRNO(EPERM), call);
#ifdef EDGE_SANITIZED
    for (const int call : kSanitizers) filter.rule(SCMP_ACT_ALLOW, call);
#endif
    add_sockets(filter);
    add_guarded_calls(filter);
    filter.load();
    if (filter.first_error() != 0)
        return os_error(filter.first_error(), "seccomp",
                        "the worker's filter cannot be put on; the kernel needs CONFIG_SECCOMP_FILTER");
    return ok();
}

}  // namespace edge::probes
