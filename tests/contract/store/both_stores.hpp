// The store in memory and SQLite's, for what is asked of both.
#pragma once
#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>

#include "broker/store/sqlite_store.hpp"
#include "tests/contract/store/memory_store.hpp"
#include "tests/contract/store/samples.hpp"
#include "tests/contract/store/temporary_folder.hpp"

namespace edge::broker {

struct InMemory {
    std::unique_ptr<Store> open() { return std::make_unique<MemoryStore>(); }
};
struct InSqlite {
    TemporaryFolder folder;
    std::string path = folder.path() + "/edge.db";
    std::unique_ptr<Store> open() { return std::move(open_sqlite_store(path).value()); }
};

/// Node 1 with spool 1.
inline void seed(Store& store) {
    REQUIRE(store.apply(Batch{PutNode{samples::node(1)}, PutSpool{samples::spool(1, 1)}}).has_value());
}

}  // namespace edge::broker
