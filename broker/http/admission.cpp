#include "broker/http/admission.hpp"

#include <boost/asio/post.hpp>
#include <chrono>

namespace edge::http {

namespace asio = boost::asio;

Slot::Slot(std::weak_ptr<Admission> admission, std::uint64_t id, std::shared_ptr<Place> place)
    : admission_(std::move(admission)), id_(id), place_(std::move(place)) {}

Slot::Slot(Slot&& other) noexcept
    : admission_(std::move(other.admission_)), id_(std::exchange(other.id_, 0)), place_(std::move(other.place_)) {}

Slot& Slot::operator=(Slot&& other) noexcept {
    give_up();
    admission_ = std::move(other.admission_);
    id_ = std::exchange(other.id_, 0);
    place_ = std::move(other.place_);
    return *this;
}

Slot::~Slot() {
    give_up();
}

void Slot::give_up() {
    const auto admission = admission_.lock();
    if (id_ != 0 && place_) {
        place_->on_drain = nullptr;
        place_->on_wanted = nullptr;
    }
    if (id_ != 0 && admission) admission->leave(id_);
    id_ = 0;
}

void Slot::authenticated() {
    const auto admission = admission_.lock();
    if (id_ != 0 && admission) admission->authenticated(id_);
}

void Slot::on_drain(std::function<void()> callback) {
    if (!place_) return;
    place_->on_drain = std::move(callback);
    if (place_->drained && place_->on_drain) asio::post(place_->executor, place_->on_drain);
}

void Slot::on_wanted(std::function<bool()> callback) {
    if (place_) place_->on_wanted = std::move(callback);
}

void Slot::waits() {
    if (!place_) return;
    place_->waits_since = std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
    if (const auto admission = admission_.lock()) admission->one_waits();
}

void Slot::works() {
    if (place_) place_->waits_since = 0;
}

Admission::Admission(asio::any_io_executor executor, Caps caps) : executor_(std::move(executor)), caps_(caps) {}

std::optional<Slot> Admission::admit(const std::string& address, asio::any_io_executor connection) {
    if (is_full_for(address)) return std::nullopt;
    ++waiting_[address];
    ++unknown_;
    const std::uint64_t id = next_id_++;
    auto place = std::make_shared<Place>();
    place->executor = std::move(connection);
    place->address = address;
    places_.emplace(id, place);
    return Slot(weak_from_this(), id, std::move(place));
}

bool Admission::is_full_for(const std::string& address) const {
    const auto waiting = waiting_.find(address);
    return caps_.per_address != 0 && waiting != waiting_.end() && waiting->second >= caps_.per_address;
}

bool Admission::ask_one_to_go(const std::optional<std::string>& address) {
    wants_one_ = true;  // before looking: one that begins to wait meanwhile tells
    std::shared_ptr<Place> idlest;
    std::int64_t longest = 0;
    for (const auto& [id, place] : places_) {
        const std::int64_t since = place->waits_since;
        if (since == 0 || place->asked_to_go || (address && place->address != *address)) continue;
        if (idlest && since >= longest) continue;
        idlest = place;
        longest = since;
    }
    if (!idlest) return false;
    wants_one_ = false;
    idlest->asked_to_go = true;
    asio::post(idlest->executor, [self = shared_from_this(), place = idlest] {
        if (place->on_wanted && place->on_wanted()) return;  // its departure makes room
        asio::post(self->executor_, [self, place] {
            place->asked_to_go = false;
            if (self->on_room_) self->on_room_();
        });
    });
    return true;
}

void Admission::one_waits() {
    if (!wants_one_.exchange(false)) return;
    asio::post(executor_, [self = shared_from_this()] {
        if (self->on_room_) self->on_room_();
    });
}

void Admission::forget_address(Place& place) {
    if (!std::exchange(place.is_unknown, false)) return;
    --unknown_;
    const auto waiting = waiting_.find(place.address);
    if (waiting != waiting_.end() && --waiting->second == 0) waiting_.erase(waiting);
}

void Admission::leave(std::uint64_t id) {
    asio::post(executor_, [self = shared_from_this(), id] {
        const auto place = self->places_.find(id);
        if (place == self->places_.end()) return;
        self->forget_address(*place->second);
        self->places_.erase(place);
        if (self->on_room_) self->on_room_();
    });
}

void Admission::authenticated(std::uint64_t id) {
    asio::post(executor_, [self = shared_from_this(), id] {
        const auto place = self->places_.find(id);
        if (place == self->places_.end()) return;
        self->forget_address(*place->second);
        if (self->on_room_) self->on_room_();
    });
}

void Admission::drain() {
    for (const auto& [id, place] : places_) {
        asio::post(place->executor, [place = place] {
            place->drained = true;
            if (place->on_drain) place->on_drain();
        });
    }
}

}  // namespace edge::http
