// What a probe found, as blackbox_exporter names it. The one place of the broker that decodes a result's detail. Pure.
#pragma once
#include <optional>

#include "broker/domain/views.hpp"
#include "broker/prometheus/modules.hpp"
#include "broker/prometheus/text_format.hpp"

namespace edge::broker::prometheus {

/// A line that was asked, and what it answered, if it did.
struct Probed {
    NodeRef node;
    LineRef line;
    bool offline = false;  // its node is away
    std::shared_ptr<const ResultView> result;
    std::uint64_t waited_us = 0;
};

/// Node and line.
Labels labels_of(const Probed& probed);

/// `extra`: what tells lines of one scrape apart; none where there is one. True: the probe was a success.
bool write_probe(Exposition& out, const Module& module, const Probed& probed, const Labels& extra);

/// FNV-1a of an address's bytes, 32 bits: a change of address shows without a label for each.
std::uint32_t address_hash(const IpAddress& address);

}  // namespace edge::broker::prometheus
