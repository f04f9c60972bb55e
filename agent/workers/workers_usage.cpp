// The half of Workers that asks the launcher about policy and usage.
#include <spdlog/spdlog.h>

#include <algorithm>

#include "agent/workers/node_policy.hpp"
#include "agent/workers/workers.hpp"

namespace edge::agent {

// ── policy ──

void Workers::deny(std::vector<std::string> addresses) {
    if (addresses.size() > launcher::kMaxDenied) addresses.resize(launcher::kMaxDenied);
    std::ranges::sort(addresses);  // a resolver turns them about
    if (addresses == denied_) return;
    denied_ = std::move(addresses);
    if (state_ != Launcher::up) return;
    send_denied();
    fetch_policy();
}

void Workers::send_denied() {
    if (denied_.empty()) return;
    launcher::DenyTargets body;
    std::size_t count = 0;
    for (const std::string& text : denied_) {
        if (const auto address = address_from(text)) body.addresses[count++] = *address;
    }
    denial_again_.cancel();
    launcher_.deny_targets(body, [this](const Result<launcher::Done>& done) {
        if (!done) return denial_failed(done.error());
        carry_out(pool_.renew(moment_now()));  // a worker refuses what it was told to when it began
    });
}

/// As policy_unknown().
void Workers::denial_failed(const Error& why) {
    if (state_ != Launcher::up) return;
    spdlog::error("broker_not_denied_as_target why=\"{}\"", why.message());
    denial_again_.expires_after(std::chrono::seconds(1));
    denial_again_.async_wait([this](const boost::system::error_code& error) {
        if (error || state_ != Launcher::up) return;
        send_denied();
        fetch_policy();
    });
}

void Workers::fetch_policy() {
    policy_again_.cancel();
    launcher_.get_host([this, fetch = ++fetch_](const Result<launcher::HostInfo>& host) {
        if (fetch != fetch_) return;
        if (!host) return policy_unknown(host.error());
        policy_hash_ = to_hex(host.value().policy_hash);
        fetched_ = link::Policy{};
        fetched_.hash = policy_hash_;
        launcher_.get_policy(0, [this, fetch](const Result<launcher::PolicyPart>& first) {
            take_part(fetch, first);
            const std::uint32_t parts = first ? std::min(first.value().parts, kMostParts) : 0;
            for (std::uint32_t part = 1; part < parts; ++part)
                launcher_.get_policy(
                    part, [this, fetch](const Result<launcher::PolicyPart>& next) { take_part(fetch, next); });
        });
    });
}

/// It is asked again; but of a launcher that has gone the next one is.
void Workers::policy_unknown(const Error& why) {
    if (state_ != Launcher::up) return;
    ++fetch_;  // the other parts on their way count no more
    spdlog::error("policy_unknown why=\"{}\"", why.message());
    policy_again_.expires_after(std::chrono::seconds(1));
    policy_again_.async_wait([this](const boost::system::error_code& error) {
        if (!error && state_ == Launcher::up) fetch_policy();
    });
}

/// Answers come in the order asked.
void Workers::take_part(unsigned fetch, const Result<launcher::PolicyPart>& part) {
    if (fetch != fetch_) return;
    if (!part) return policy_unknown(part.error());
    add_entries(part.value(), fetched_);
    if (part.value().part + 1 != part.value().parts) return;
    policy_ = fetched_;
    pool_.policy(*policy_);
    listener_.policy_changed();
}

// ── usage ──

void Workers::usage(UsageReply reply) {
    struct Collected {
        std::vector<link::LineUsage> lines;
        std::vector<link::SandboxUsage> sandboxes;
        UsageReply reply;
        std::size_t awaited = 1;  // this call
        void one_less() {
            if (--awaited == 0) reply(std::move(lines), std::move(sandboxes));
        }
    };
    const auto all = std::make_shared<Collected>();  // owners: the answers that are to come
    all->reply = std::move(reply);
    all->awaited += line_indices_.size() + channels_.size();
    for (const auto& [name, index] : line_indices_)
        launcher_.line_usage(index, [all, name = name](const Result<launcher::LineUsage>& usage) {
            if (usage) all->lines.push_back(usage_from(name, usage.value()));
            all->one_less();
        });
    for (const auto& [worker, open] : channels_)
        launcher_.stats(worker, [all, line = open.line](const Result<launcher::WorkerStats>& stats) {
            if (stats) all->sandboxes.push_back(usage_from(line, stats.value()));
            all->one_less();
        });
    all->one_less();
}

}  // namespace edge::agent
