#include "protocol/systemd/loop_report.hpp"

#include <algorithm>
#include <utility>

namespace edge::systemd {

LoopReport::LoopReport(Notifier& manager, std::function<std::string()> status)
    : manager_(manager), status_(std::move(status)) {}

void LoopReport::ready(Time now) {
    if (!manager_.is_heard()) return;
    const std::string status = status_();
    pace_.changed(now);
    (void)pace_.look(now);
    (void)pace_.is_news(status);
    manager_.ready(status);
    if (manager_.feed_each() && !feed_due_) feed_due_ = now + *manager_.feed_each();
}

void LoopReport::changed(Time now) {
    if (manager_.is_heard()) pace_.changed(now);
}

void LoopReport::turn(Time now) {
    if (feed_due_ && *feed_due_ <= now) {
        manager_.feed();
        feed_due_ = now + *manager_.feed_each();
    }
    if (!pace_.look(now)) return;
    const std::string status = status_();
    if (pace_.is_news(status)) manager_.status(status);
}

std::optional<LoopReport::Time> LoopReport::deadline() const {
    if (feed_due_ && pace_.due()) return std::min(*feed_due_, *pace_.due());
    return feed_due_ ? feed_due_ : pace_.due();
}

}  // namespace edge::systemd
