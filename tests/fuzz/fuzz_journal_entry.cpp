// A log line, in which peers' words stand, on its way into the journal.
#include <set>

#include "protocol/systemd/journal_entry.hpp"
#include "tests/fuzz/property.hpp"

namespace fuzz = edge::fuzz;
using namespace edge::systemd;

namespace {

/// Takes one field off an entry, as the journal reads it; its name.
std::string take_field(std::string_view& entry, std::string_view& value) {
    const std::size_t end = entry.find('\n');
    fuzz::demand(end != entry.npos, "a field ends its line");
    const std::string_view head = entry.substr(0, end);
    entry.remove_prefix(end + 1);
    if (const std::size_t equals = head.find('='); equals != head.npos) {
        value = head.substr(equals + 1);
        return std::string(head.substr(0, equals));
    }
    fuzz::demand(entry.size() > 8, "a length is eight bytes");
    std::uint64_t size = 0;
    for (unsigned i = 0; i < 8; ++i) size |= std::uint64_t{static_cast<unsigned char>(entry[i])} << (8 * i);
    fuzz::demand(size < entry.size() - 8 && entry[8 + size] == '\n', "a value is as long as it says");
    value = entry.substr(8, size);
    entry.remove_prefix(8 + size + 1);
    return std::string(head);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view line = fuzz::text_of(data, size);
    const std::string whole = journal_entry("edge-broker", 6, line);
    std::string_view rest = whole, value;
    std::set<std::string> names;
    while (!rest.empty()) {
        const std::string name = take_field(rest, value);
        fuzz::demand(names.insert(name).second, "a field comes once");
        fuzz::demand(name.size() <= 64 && name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == name.npos,
                     "a field has a name that the journal takes");
        if (name == "MESSAGE") fuzz::demand(value == line, "the message is the line");
        if (name == "PRIORITY") fuzz::demand(value == "6", "no line changes its priority");
    }
    fuzz::demand(names.contains("MESSAGE"), "there is a message");
    return 0;
}
