// The live part of a broker for tests of the API: an overview that stays, and a stream that goes nowhere.
#pragma once
#include "broker/live/live.hpp"

namespace edge::broker::test {

class FakeLive final : public live::Live {
  public:
    void overview(std::function<void(std::string)> reply) override { reply(text); }
    void open(http::Upgraded&&, live::Reader) override {}

    std::string text = "{}";
};

}  // namespace edge::broker::test
