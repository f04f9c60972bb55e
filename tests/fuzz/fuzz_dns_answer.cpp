// A DNS message as a hostile server sends it.
#include "probes/dns/answer.hpp"
#include "probes/dns/query_message.hpp"
#include "protocol/json/described.hpp"
#include "tests/fuzz/property.hpp"

using namespace edge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // Only a message with our id and our question is read at all.
    static const probes::Question question = probes::make_question("www.lab.test", "A").value();
    if (const auto head = probes::match_answer({data, size}, 0x4d2, question)) {
        fuzz::demand(size >= 12 && data[0] == 0x04 && data[1] == 0xd2 && (data[2] & 0x80) != 0, "an answer to our id");
        fuzz::demand(head->rcode <= 15, "an rcode has four bits");
    }
    DnsDetail detail;
    const probes::AnswerLimits limits{.records = 64, .text_bytes = 16 * 1024};
    if (!probes::read_answer({data, size}, detail, limits)) return 0;
    const std::size_t records =
        detail.question.size() + detail.answer.size() + detail.authority.size() + detail.additional.size();
    fuzz::demand(records <= limits.records, "no more records than are kept");
    const std::string text = dump_json(encode(detail));
    fuzz::demand(bool(check_json(text, JsonLimits{.depth = kDetailDepth})),
                 "what is kept is a detail the broker takes");
    return 0;
}
