// The changes of webhooks, as the writing connection makes them.
#pragma once
#include "broker/store/sqlite.hpp"
#include "broker/store/webhook_records.hpp"

namespace edge::broker {

/// Executor: the writer's. Owns: its statements, of the writer's connection.
class SqliteWebhookWriter {
  public:
    Result<> prepare(sqlite::Connection& db);

    Result<> write(const PutWebhook& change);
    Result<> write(const DropWebhook& change);
    Result<> write(const AddMessage& change);
    Result<> write(const AddDelivery& change);
    Result<> write(const AddAttempt& change);
    Result<> write(const ReplayDelivery& change);
    Result<> write(const ReplayDeliveries& change);

  private:
    sqlite::Statement put_webhook_, drop_webhook_, add_message_, drop_messages_, add_delivery_, add_attempt_,
        set_delivery_, replay_, replay_all_, replay_in_state_;
};

}  // namespace edge::broker
