// What stands beside a packet from the socket or its error queue.
#include <cstring>
#include <vector>

#include "probes/ping/control_messages.hpp"
#include "tests/fuzz/property.hpp"

using namespace edge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::vector<char> control(data, data + size);  // exactly as long: what is read behind it is seen
    msghdr header{};
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    const probes::ControlFacts facts = probes::read_control(header);
    if (facts.stamped) fuzz::demand(facts.stamped->count() >= 0, "time does not run backwards");
    if (!facts.error) return 0;
    fuzz::demand(!facts.error->is_local || !facts.error->from, "this host is nobody else");
    if (facts.error->from) {
        const auto again = IpAddress::parse(facts.error->from->text());
        fuzz::demand(again && again.value() == *facts.error->from, "an offender is an address");
    }
    return 0;
}
