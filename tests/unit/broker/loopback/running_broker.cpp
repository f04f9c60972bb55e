#include "running_broker.hpp"

#include <fstream>
#include <future>
#include <stdexcept>

#include "broker/certificate.hpp"
#include "broker/http/tls_context.hpp"

namespace edge::broker::test {

namespace {
/// Given up on only when it hangs: sanitizers on a busy machine take their time.
constexpr std::chrono::seconds kPatience{120};
}  // namespace

void OneThread::run(const std::function<void()>& work) {
    std::promise<void> done;
    post([&] {
        work();
        done.set_value();
    });
    done.get_future().wait();
}

void OneThread::loop() {
    while (true) {
        std::unique_lock lock(mutex_);
        there_.wait(lock, [this] { return !queue_.empty(); });
        const std::function<void()> work = std::move(queue_.front());
        queue_.pop_front();
        lock.unlock();
        if (!work) return;
        work();
    }
}

bool Happenings::wait_for(const std::string& what, std::ptrdiff_t times) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] {
        return std::ranges::count_if(all_, [&](const std::string& one) { return one.starts_with(what); }) >= times;
    });
}

std::size_t Happenings::count(const std::string& what) {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(
        std::count_if(all_.begin(), all_.end(), [&](const std::string& one) { return one.starts_with(what); }));
}

namespace {

std::unique_ptr<http::Server> listen(http::IoThreads& threads, http::Settings settings) {
    auto server = http::Server::listen(threads, std::move(settings));
    if (!server) throw std::runtime_error(server.error().message());
    server.value()->start();
    return std::move(server.value());
}

std::shared_ptr<boost::asio::ssl::context> tls(const std::filesystem::path& folder) {
    const auto made = make_certificate("127.0.0.1").value();
    std::ofstream(folder / "crt") << made.cert_pem;
    std::ofstream(folder / "key") << made.key_pem;
    std::filesystem::permissions(folder / "key", std::filesystem::perms::owner_read);
    auto context = http::make_tls_context(folder / "crt", folder / "key", http::MinTls::v1_3);
    if (!context) throw std::runtime_error(context.error().message());
    return std::move(context.value());
}

}  // namespace

RunningBroker::RunningBroker(const BrokerChange& change) : threads_(change.threads) {
    char made[] = "/tmp/edge-loopback-XXXXXX";
    if (!::mkdtemp(made)) throw std::runtime_error("mkdtemp");
    folder_ = made;
    node = domain.add_node(key.public_key());
    domain.log = [this](std::string what) { happened.add(std::move(what)); };
    const auto loopback = http::ListenAddress::parse("127.0.0.1:0").value();

    live_ = live::make_live(domain, threads_.at(0).get_executor());
    http::Settings api;
    api.name = "api";
    api.listen = loopback;
    api.handler = api::make_handler(domain, {"https://127.0.0.1:7443", live_});
    change.api(api);
    api_ = listen(threads_, std::move(api));

    polls_ = std::make_shared<gateway::Polls>(threads_.at(0).get_executor(), change.session, domain);
    http::Settings gateway = gateway::gateway_settings(loopback, tls(folder_), change.session, domain, polls_);
    change.gateway(gateway);
    gateway_ = listen(threads_, std::move(gateway));
    threads_.start();
}

RunningBroker::~RunningBroker() {
    threads_.stop();
    polls_->let_go();
    std::filesystem::remove_all(folder_);
}

bool RunningBroker::drain() {
    std::promise<void> api_done, gateway_done;
    api_->drain([&] { api_done.set_value(); });
    gateway_->drain([&] { gateway_done.set_value(); });
    const bool gone = gateway_done.get_future().wait_for(kPatience) == std::future_status::ready &&
                      api_done.get_future().wait_for(kPatience) == std::future_status::ready;
    domain_thread.run([] {});
    return gone;
}

}  // namespace edge::broker::test
