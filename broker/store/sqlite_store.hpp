// The store in one SQLite file.
#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "broker/store/store.hpp"
#include "protocol/result.hpp"

namespace edge::broker {

/// The look at all of the file when it is opened.
struct StartCheck {
    std::chrono::milliseconds limit{10'000};  // a larger file than can be looked at by then is checked in part
    std::chrono::milliseconds took{0};
    bool is_whole = true;
    /// Called now and then while the file is looked at and brought up to date: the start may take longer. Unset: nobody
    /// waits.
    std::function<void()> goes_on{};
};

/// Opens or creates the file (0600), takes its lock, checks it and brings its schema up to date.
/// Errors: conflict (another broker has it), io (unreadable, damaged: says what to do), unsupported (made by a newer
/// version).
Result<std::unique_ptr<Store>> open_sqlite_store(const std::string& path, StartCheck& check);
inline Result<std::unique_ptr<Store>> open_sqlite_store(const std::string& path) {
    StartCheck check;
    return open_sqlite_store(path, check);
}

}  // namespace edge::broker
