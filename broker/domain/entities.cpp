#include "broker/domain/entities.hpp"

namespace edge::broker {

void list_open(Task& task) {
    if (task.listed) return;
    task.listed = true;
    task.open_at = task.node->open.size();
    task.node->open.push_back(&task);
}

void unlist(Task& task) {
    dequeue(task);
    if (!task.listed) return;
    auto& open = task.node->open;
    open[task.open_at] = open.back();
    open[task.open_at]->open_at = task.open_at;
    open.pop_back();
    task.listed = false;
}

void enqueue(Task& task) {
    if (task.queued) return;
    task.queued = true;
    task.queue_at = task.node->queue.insert(task.node->queue.end(), &task);
}

void dequeue(Task& task) {
    if (!task.queued) return;
    task.queued = false;
    task.node->queue.erase(task.queue_at);
}

bool Node::is_connected() const {
    return session && session->confirmed;
}

}  // namespace edge::broker
