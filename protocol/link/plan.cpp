#include "protocol/link/plan.hpp"

#include "protocol/crypto/keys.hpp"

namespace edge::link {

std::string plans_digest(const std::map<JobId, std::string>& tags) {
    std::string text;
    for (const auto& [job, tag] : tags) text.append(job.text()).append(" ").append(tag).append("\n");
    return to_hex(sha256(as_bytes(text)));
}

}  // namespace edge::link
