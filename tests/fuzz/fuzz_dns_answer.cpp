// DNS messages from the network: matched, read by ldns, kept within bounds, writable as one frame.
#include <cstdint>
#include <cstdlib>

#include "probes/dns/answer.hpp"
#include "probes/dns/query_message.hpp"
#include "protocol/json/described.hpp"

using namespace edge;
using namespace edge::probes;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::span<const std::uint8_t> message(data, size);
    static const Question question = make_question("www.lab.test", "A").value();
    (void)match_answer(message, 0x1234, question);
    DnsDetail detail;
    const AnswerLimits limits;
    if (!read_answer(message, detail, limits)) {
        if (detail.header || !detail.answer.empty()) std::abort();
        return 0;
    }
    const std::size_t records = detail.question.size() + detail.answer.size() + detail.authority.size() + detail.additional.size();
    if (records > limits.records) std::abort();
    if (!check_json(dump_json(encode(detail)))) std::abort();
    return 0;
}
