// What one DNS query decides: tries, which message is the answer, when to fall back to TCP. Pure: events in, what to do
// out.
#pragma once
#include <chrono>
#include <functional>
#include <optional>
#include <variant>

#include "probes/dns/query_message.hpp"
#include "protocol/probes/report.hpp"
#include "protocol/targets/target_policy.hpp"

namespace edge::probes {

class QueryCore {
  public:
    using Time = std::chrono::steady_clock::time_point;
    /// Close what is open, open a fresh socket of this kind (a new source port), send, and expect an answer until
    /// `until`.
    struct Ask {
        DnsTransport transport = DnsTransport::udp;
        Bytes message;  // TCP: the two length bytes are the shell's
        Time until;
    };
    struct Wait {};  // nothing new
    struct Over {};  // conclude() says what came of it
    using Action = std::variant<Wait, Ask, Over>;

    /// `random_id` is called for each message.
    QueryCore(const DnsSpec& spec, Question question, std::string server, std::function<std::uint16_t()> random_id);

    Action start(Time now);
    void connected(Time now);  // TCP
    void sent(Time now);
    Action received(std::span<const std::uint8_t> message, Time now);
    /// Of a socket call; `phase` is connect, send or read.
    Action failed(int os_errno, const std::string& phase, Time now);
    /// The peer closed a TCP connection before the answer was whole.
    Action closed(Time now);
    Action timed_out(Time now);

    const char* phase() const;
    const DnsDetail& detail() const { return detail_; }
    /// Status, failure and summary of a query that is over.
    void conclude(ProbeReport& report) const;

  private:
    Action next_try(Failure failure, Time now);
    Action ask(DnsTransport transport, Time now);

    DnsSpec spec_;
    Question question_;
    std::function<std::uint16_t()> random_id_;
    DnsDetail detail_;
    std::optional<Failure> failure_;
    DnsTransport transport_ = DnsTransport::udp;
    std::uint16_t id_ = 0;
    Time asked_{};
    Time sent_{};
    bool is_connected_ = false;
};

}  // namespace edge::probes
