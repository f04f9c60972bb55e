// The first deliveries of an endpoint by the time they are due, each row once. Pure.
#pragma once
#include <map>
#include <set>
#include <utility>

#include "broker/domain/webhook_calls.hpp"

namespace edge::broker::webhooks {

class Window {
  public:
    bool empty() const { return by_place_.empty(); }
    std::size_t size() const { return by_place_.size(); }
    bool contains(DeliveryRow row) const { return rows_.contains(row); }
    const DueDelivery& first() const { return by_place_.begin()->second; }
    /// Does it belong behind the last one?
    bool ends_before(const DueDelivery& delivery) const {
        return by_place_.empty() || by_place_.rbegin()->first < place_of(delivery);
    }

    /// One that is in it already stays where it is.
    void add(const DueDelivery& delivery) {
        if (rows_.insert(delivery.row).second) by_place_.emplace(place_of(delivery), delivery);
    }
    DueDelivery take_first() { return take(by_place_.begin()); }
    void drop_last() { take(std::prev(by_place_.end())); }
    void clear() {
        by_place_.clear();
        rows_.clear();
    }

  private:
    using Place = std::pair<WallTime, DeliveryRow>;
    static Place place_of(const DueDelivery& delivery) { return {delivery.due_at, delivery.row}; }
    DueDelivery take(std::map<Place, DueDelivery>::iterator at) {
        const DueDelivery delivery = at->second;
        by_place_.erase(at);
        rows_.erase(delivery.row);
        return delivery;
    }

    std::map<Place, DueDelivery> by_place_;
    std::set<DeliveryRow> rows_;
};

}  // namespace edge::broker::webhooks
