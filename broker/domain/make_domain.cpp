#include "broker/domain/make_domain.hpp"

#include <chrono>

#include "broker/domain/local_domain.hpp"
#include "broker/domain/token_text.hpp"

namespace edge::broker {

Result<std::unique_ptr<Domain>> make_domain(DomainOptions options, std::unique_ptr<Store> store, spdlog::logger& log) {
    auto domain = std::make_unique<LocalDomain>(std::move(options), std::move(store), log);
    EDGE_TRY(domain->start());
    return std::unique_ptr<Domain>(std::move(domain));
}

Result<std::string> create_admin_token(Store& store) {
    std::array<std::uint8_t, 5> id{};
    std::array<std::uint8_t, 32> secret{};
    std::array<std::uint8_t, 10> random{};
    fill_random(id);
    fill_random(secret);
    fill_random(random);
    const auto now =
        std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch());
    const std::string text = make_api_token(id, secret);
    const auto parts = parse_api_token(text);
    ApiTokenRecord record;
    record.created_at = static_cast<WallTime>(now.count());
    record.id = TokenId{make_uuid7(record.created_at / 1'000, random)};
    record.lookup = parts->lookup;
    record.hash = secret_hash(parts->secret);
    record.admin = true;
    const AuditRecord audit{record.created_at, "edge-broker init", "api_token.created", record.id.text()};
    EDGE_TRY(store.apply(Batch{AddApiToken{record}, AddAudit{audit}}));
    return text;
}

}  // namespace edge::broker
