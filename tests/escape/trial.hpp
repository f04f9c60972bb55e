// One escape attempt in a real sandbox of a real launcher, and what became of it.
#pragma once
#include <string>
#include <vector>

#include "launcher_process.hpp"
#include "protocol/launcher/payloads.hpp"
#include "sentinels.hpp"

namespace edge::escape {

struct Verdict {
    bool escaped = false;
    bool broken = false;  // it was not tried at all: as bad as an escape for what the suite says
    std::string why;      // how it was stopped, or how far it came
};

/// The suite's world: two lines, their carriers and sentinels, one launcher with its client.
class World {
  public:
    /// `more` are flags for the launcher, such as {"--guard", "nft"}. `by_packets`: this guard holds packets and no
    /// calls, so that of an attempt on lines and targets only what arrived counts.
    explicit World(const std::vector<std::string>& more = {}, bool by_packets = false);

    Verdict attempt(int line, std::uint32_t payload, bool sealed);
    const Sentinels& sentinels() const { return sentinels_; }

  private:
    std::string facts(int line) const;
    /// What is left of a worker after its end; empty: nothing.
    std::string remains(int line, const launcher::Spawned& worker);

    bool by_packets_;
    launcher::test::Carriers& carriers_;
    Sentinels sentinels_;
    launcher::test::ConfigFolder folder_;
    launcher::test::LauncherProcess launcher_;
    launcher::test::Client client_;
};

}  // namespace edge::escape
