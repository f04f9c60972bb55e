// Random bytes that a test can have again.
#pragma once
#include <random>
#include <span>

#include "broker/domain/actions.hpp"

namespace edge::broker {

class SeededEntropy final : public Entropy {
  public:
    explicit SeededEntropy(std::uint64_t seed) : engine_(seed) {}
    void fill(std::span<std::uint8_t> out) override {
        for (auto& byte : out) byte = static_cast<std::uint8_t>(engine_());
    }

  private:
    std::mt19937_64 engine_;
};

}  // namespace edge::broker
