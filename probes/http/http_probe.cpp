#include "probes/http/http_probe.hpp"

#include <boost/asio/steady_timer.hpp>

#include "probes/failures.hpp"
#include "probes/http/kept_answer.hpp"
#include "probes/http/transfer.hpp"
#include "probes/resolve/target.hpp"
#include "probes/started.hpp"
#include "protocol/json/text.hpp"

namespace edge::probes {
namespace {

class HttpProbe : public Probe, public std::enable_shared_from_this<HttpProbe> {
  public:
    HttpProbe(HttpSpec spec, const Surroundings& around, ProbeEvents events)
        : spec_(std::move(spec)), around_(around), events_(std::move(events)), timer_(around.io) {}

    void start() override {
        auto url = parse_url(spec_.target);
        if (!url) return finish(Status::failed, Failure{Source::agent, "spec", "bad_value", url.error().detail});
        request_ = HttpRequest{std::move(url.value()), spec_.method, std::move(spec_.headers), std::move(spec_.body)};
        first_host_ = request_.url.host;
        timer_.expires_at(started_.steady + std::chrono::milliseconds(spec_.timeout_ms));
        timer_.async_wait([self = shared_from_this()](boost::system::error_code error) {
            if (!error) self->stop(Stop::deadline);
        });
        next_hop();
    }

    void stop(Stop reason) override {
        if (is_over_) return;
        const Source source = transfer_ ? Source::path : Source::resolver;
        const char* phase = transfer_ ? transfer_->phase() : "resolve";
        if (transfer_) keep_hop();
        finish(Status::failed, stopped(reason, source, phase));
    }

  private:
    /// The body of a request for the first host goes to connect_to; a redirect to another host is resolved as any.
    void next_hop() {
        const bool is_pinned = spec_.connect_to && request_.url.host == first_host_;
        const std::string& name = is_pinned ? *spec_.connect_to : request_.url.host;
        const Family family = is_pinned ? Family::any : spec_.family;
        around_.resolver.resolve(name, family,
                                 [self = shared_from_this(), name](Lookup lookup) { self->resolved(name, lookup); });
    }

    void resolved(const std::string& name, const Lookup& lookup) {
        if (is_over_) return;
        const bool was_asked = !IpAddress::parse(name);
        if (detail_.hops.empty()) report_.resolved = detail_.resolved = texts(lookup.addresses);
        if (was_asked) {
            detail_.resolver = joined(texts(around_.resolver.servers()));
            tell_phase("resolve", lookup.resolve_us);
        }
        resolve_us_ = was_asked ? std::optional(lookup.resolve_us) : std::nullopt;
        auto chosen = choose_target(name, lookup, around_.policy, request_.url.port);
        if (auto* none = std::get_if<NoTarget>(&chosen)) return finish(none->status, none->failure);
        TransferPlan plan{request_,        std::get<IpAddress>(chosen), spec_.version, spec_.verify,
                          spec_.max_bytes, spec_.keep_body_bytes};
        transfer_ = std::make_unique<Transfer>(around_.http, std::move(plan),
                                               [this](const char* phase, std::uint64_t us) { tell_phase(phase, us); });
        transfer_->start([self = shared_from_this()] { self->transferred(); });
    }

    void transferred() {
        if (is_over_) return;
        auto failure = transfer_->failure();
        const auto location = redirect_location(transfer_->hop().status, transfer_->hop().headers);
        const std::uint32_t status = transfer_->hop().status;
        keep_hop();
        if (failure) return finish(Status::failed, std::move(failure));
        if (!location || spec_.redirects == 0) return finish(Status::ok, std::nullopt);
        if (detail_.hops.size() > spec_.redirects) {
            return finish(Status::failed, Failure{Source::target, "read", "too_many_redirects",
                                                  "more than " + std::to_string(spec_.redirects) + " redirects"});
        }
        auto next = next_request(request_, status, *location);
        if (!next)
            return finish(Status::refused,
                          denied("resolve", "the redirect leads to " + *location + ": " + next.error().detail));
        request_ = std::move(next.value());
        next_hop();
    }

    void keep_hop() {
        HttpHop hop = transfer_->hop();
        hop.timings.resolve_us = resolve_us_;
        hop.timings.total_us += resolve_us_.value_or(0);
        // An answer without its socket's facts still counts as a hop: one that is not verified.
        if (transfer_->socket() || hop.status != 0)
            report_.sockets.push_back(transfer_->socket().value_or(SocketFacts{}));
        detail_.body_truncated = transfer_->body_truncated();
        kept_.keep_body(transfer_->body(), detail_);
        kept_.trim(hop);
        report_.summary.rtt_us = hop.timings.connect_us;
        if (hop.status != 0) report_.summary.code = std::to_string(hop.status);
        report_.summary.bytes = report_.summary.bytes.value_or(0) + hop.header_bytes + hop.body_bytes;
        detail_.hops.push_back(std::move(hop));
        transfer_.reset();
    }

    void tell_phase(const char* name, std::uint64_t us) {
        events_.progress(Json{{"phase", {{"hop", detail_.hops.size()}, {"name", name}, {"us", us}}}});
    }

    static std::string joined(const std::vector<std::string>& all) {
        std::string list;
        for (const std::string& one : all) list += (list.empty() ? "" : ", ") + one;
        return list;
    }

    void finish(Status status, std::optional<Failure> failure) {
        is_over_ = true;
        timer_.cancel();
        transfer_.reset();
        report_.status = status;
        report_.failure = std::move(failure);
        started_.stamp(report_);
        report_.detail = JsonText(json_text(detail_));
        events_.done(std::move(report_));
    }

    HttpSpec spec_;
    Surroundings around_;
    ProbeEvents events_;
    boost::asio::steady_timer timer_;
    HttpRequest request_;
    std::string first_host_;
    std::unique_ptr<Transfer> transfer_;
    std::optional<std::uint64_t> resolve_us_;
    KeptAnswer kept_;
    HttpDetail detail_;
    Started started_;
    ProbeReport report_;
    bool is_over_ = false;
};

}  // namespace

ProbePtr make_http_probe(HttpSpec spec, const Surroundings& around, ProbeEvents events) {
    return std::make_shared<HttpProbe>(std::move(spec), around, std::move(events));
}

}  // namespace edge::probes
