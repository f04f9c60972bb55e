#include <doctest/doctest.h>

#include "../fake_domain.hpp"
#include "broker/prometheus/probe_metrics.hpp"

namespace edge::broker::prometheus {
namespace {

using test::FakeDomain;

Module module_of(const std::string& body) {
    const auto loaded = load_modules("modules:\n  m:\n" + body, "b.yml");
    REQUIRE(loaded.problems.empty());
    return loaded.modules->at("m");
}

/// A result as an agent sent it, with this detail.
Probed probed(const std::string& detail, Status status = Status::ok, std::optional<Failure> failure = {}) {
    Probed one;
    one.node = {FakeDomain::id<NodeId>(7), FakeDomain::node_name("gz-1")};
    one.line = {FakeDomain::line_name("telecom"), "ct"};
    auto result = FakeDomain::result_of(FakeDomain::id<RunId>(3), FakeDomain::id<TaskId>(4), 1);
    result.result.status = status;
    result.result.failure = std::move(failure);
    result.result.evidence.ifname = "wan0";
    result.detail = detail;
    one.result = std::make_shared<const ResultView>(std::move(result));
    return one;
}

struct Written {
    bool success = false;
    std::string text;
    bool says(const std::string& line) const { return text.find("\n" + line + "\n") != std::string::npos; }
    bool knows(const std::string& name) const { return text.find("# TYPE " + name + " ") != std::string::npos; }
};
Written write(const Module& module, const Probed& one, const Labels& extra = {}) {
    Exposition out;
    Written written;
    written.success = write_probe(out, module, one, extra);
    written.text = out.text();
    return written;
}

// Recorded in the lab, shortened.
const std::string kHttp =
    R"({"hops":[{"url":"http://a.test/","peer":"198.51.100.10:80","status":301,"protocol":"HTTP/1.1","headers":[{"name":"Location","value":"https://a.test/"}],"body_bytes":10,"timings":{"resolve_us":1000,"connect_us":2000,"first_byte_us":3000,"transfer_us":100,"total_us":6100}},)"
    R"({"url":"https://a.test/","peer":"198.51.100.10:443","status":200,"protocol":"HTTP/2","headers":[{"name":"content-length","value":"18"},{"name":"last-modified","value":"Sat, 22 Nov 2025 09:00:00 GMT"},{"name":"set-cookie","value":"a=b"}],"body_bytes":18,"timings":{"connect_us":2000,"tls_us":5000,"first_byte_us":1000,"transfer_us":50,"total_us":8050},)"
    R"("tls":{"version":"TLSv1.3","subject":"CN=a.test","issuer":"CN=root","not_after":"2026-11-22T09:00:00Z","verified":true,"sha256":"ab","names":["a.test","b.test"],"chain_not_after":"2026-11-22T09:00:00Z","path_not_after":"2026-11-22T09:00:00Z"}}],)"
    R"("resolved":["198.51.100.10"],"body":"client 100.64.1.2\n"})";
const std::string kDns =
    R"({"server":"198.51.100.53","port":53,"transport":"tcp","query_us":1500,"connect_us":700,"header":{"rcode":"NOERROR"},)"
    R"("answer":[{"name":"lab.test.","type":"SOA","class":"IN","ttl":300,"rdata":"ns1.lab.test. hostmaster.lab.test. 2024010100 3600 600 86400 60"}],"authority":[{"name":"lab.test.","type":"NS","ttl":300,"rdata":"ns1.lab.test."}]})";
const std::string kPing =
    R"({"dst_addr":"2001:db8:ffff::20","size":56,"sent":3,"rcvd":2,"loss_percent":33.25,"min_us":12000,"avg_us":13000,"max_us":14000,"mdev_us":1000,"replies":[{"seq":0,"rtt_us":12000,"ttl":62,"tx_us":10},{"seq":1,"tx_us":20},{"seq":2,"rtt_us":14000,"ttl":62,"tx_us":30}]})";

}  // namespace

TEST_CASE("http: phases over all hops, the last answer, its certificate") {
    const auto written = write(module_of("    prober: http\n"), probed(kHttp));
    CHECK(written.success);
    for (const char* line :
         {"probe_success 1",
          "probe_duration_seconds 0.025",
          "probe_http_duration_seconds{phase=\"resolve\"} 0.001",
          "probe_http_duration_seconds{phase=\"connect\"} 0.004",
          "probe_http_duration_seconds{phase=\"tls\"} 0.005",
          "probe_http_duration_seconds{phase=\"processing\"} 0.004",
          "probe_http_status_code 200",
          "probe_http_content_length 18",
          "probe_http_uncompressed_body_length 18",
          "probe_http_redirects 1",
          "probe_http_ssl 1",
          "probe_http_version 2",
          "probe_failed_due_to_regex 0",
          "probe_http_last_modified_timestamp_seconds 1763802000",
          "probe_ssl_earliest_cert_expiry 1795338000",
          "probe_tls_version_info{version=\"TLS 1.3\"} 1",
          "probe_ip_protocol 4",
          "probe_dns_lookup_time_seconds 0.001",
          "probe_line_verified 1",
          "probe_agent_offline 0",
          "probe_ssl_last_chain_info{fingerprint_sha256=\"ab\",issuer=\"CN=root\",subject=\"CN=a.test\","
          "subjectalternative=\"a.test,b.test\"} 1"}) {
        CAPTURE(line);
        CHECK(written.says(line));
    }
    CHECK_FALSE(written.knows("probe_failure_info"));
}

TEST_CASE("http: each check of a module fails what does not pass it, and says which") {
    struct Case {
        const char* check;
        const char* reason;  // null: passes
        bool by_regex = false;
    };
    for (const auto& [check, reason, by_regex] : {
             Case{"valid_status_codes: [404]", "status_200"},
             Case{"fail_if_ssl: true", "ssl"},
             Case{"fail_if_not_ssl: true", nullptr},
             Case{"valid_http_versions: ['HTTP/1.1']", "http_version"},
             Case{"valid_http_versions: ['HTTP/2.0']", nullptr},
             Case{"fail_if_body_matches_regexp: ['100\\.64']", "body_matches", true},
             Case{"fail_if_body_not_matches_regexp: ['100\\.64']", nullptr},
             Case{"fail_if_body_not_matches_regexp: ['welcome']", "body_does_not_match", true},
             Case{"fail_if_header_matches: [{header: Set-Cookie, regexp: '.*'}]", "header_matches", true},
             Case{"fail_if_header_matches: [{header: X-None, regexp: '.*', allow_missing: true}]", nullptr},
             Case{"fail_if_header_not_matches: [{header: X-None, regexp: '.*'}]", "header_does_not_match", true},
         }) {
        CAPTURE(check);
        const auto written =
            write(module_of(std::string("    prober: http\n    http:\n      ") + check + "\n"), probed(kHttp));
        CHECK(written.success == (reason == nullptr));
        CHECK(written.says(by_regex ? "probe_failed_due_to_regex 1" : "probe_failed_due_to_regex 0"));
        if (reason) CHECK(written.says("probe_failure_info{phase=\"check\",reason=\"" + std::string(reason) + "\"} 1"));
    }
}

TEST_CASE("http: a part of a body that does not match proves nothing") {
    std::string cut = kHttp;
    cut.replace(cut.find("\"body_bytes\":18"), 15, "\"body_bytes\":99");
    const auto absent =
        write(module_of("    prober: http\n    http: {fail_if_body_matches_regexp: [broken]}\n"), probed(cut));
    CHECK(absent.says("probe_failure_info{phase=\"check\",reason=\"body_too_long_to_check\"} 1"));
    const auto there =
        write(module_of("    prober: http\n    http: {fail_if_body_not_matches_regexp: [client]}\n"), probed(cut));
    CHECK(there.success);
}

TEST_CASE("a probe that never got an answer has the same metrics, zero, and why") {
    const auto refused = write(module_of("    prober: http\n"),
                               probed("{}", Status::failed, Failure{Source::target, "connect", "ECONNREFUSED", ""}));
    CHECK_FALSE(refused.success);
    CHECK(refused.says("probe_http_status_code 0"));
    CHECK(refused.says("probe_http_content_length 0"));
    CHECK(refused.says("probe_failure_info{phase=\"connect\",reason=\"ECONNREFUSED\"} 1"));
    CHECK_FALSE(refused.knows("probe_ssl_earliest_cert_expiry"));
    Probed away = probed("{}");
    away.result = nullptr;
    away.offline = true;
    const auto offline = write(module_of("    prober: icmp\n"), away);
    CHECK(offline.says("probe_agent_offline 1"));
    CHECK(offline.says("probe_success 0"));
    CHECK(offline.says("probe_failure_info{phase=\"start\",reason=\"agent_offline\"} 1"));
}

TEST_CASE("a detail that is none, or lies, is a failed probe and nothing worse") {
    for (const char* detail :
         {"", "[]", "{", R"({"hops":7})", R"({"header":{"rcode":3}})", R"({"replies":[{"rtt_us":-1}]})"}) {
        for (const char* prober :
             {"    prober: http\n", "    prober: icmp\n", "    prober: dns\n    dns: {query_name: a}\n"})
            CHECK_FALSE(write(module_of(prober), probed(detail)).success);
    }
}

TEST_CASE("dns: phases, sections, the serial, and expressions on records as text") {
    const auto soa =
        write(module_of("    prober: dns\n    dns: {query_name: lab.test, query_type: SOA}\n"), probed(kDns));
    CHECK(soa.success);
    for (const char* line : {"probe_dns_serial 2024010100", "probe_dns_answer_rrs 1", "probe_dns_authority_rrs 1",
                             "probe_dns_additional_rrs 0", "probe_dns_query_succeeded 1",
                             "probe_dns_duration_seconds{phase=\"connect\"} 7e-04",
                             "probe_dns_duration_seconds{phase=\"request\"} 0.0015"})
        CHECK(soa.says(line));
    const auto checked = [](const char* check) {
        return write(module_of(std::string("    prober: dns\n    dns:\n      query_name: lab.test\n      ") + check +
                               "\n"),
                     probed(kDns))
            .success;
    };
    CHECK(checked("validate_answer_rrs: {fail_if_not_matches_regexp: ['lab.test.\\t300\\tIN\\tSOA\\tns1']}"));
    CHECK_FALSE(checked("validate_answer_rrs: {fail_if_matches_regexp: ['ns1']}"));
    CHECK_FALSE(checked("validate_answer_rrs: {fail_if_all_match_regexp: ['ns1']}"));
    CHECK_FALSE(checked("validate_answer_rrs: {fail_if_none_matches_regexp: ['ns9']}"));
    CHECK_FALSE(checked("validate_authority_rrs: {fail_if_not_matches_regexp: ['SOA']}"));
    CHECK(checked("validate_additional_rrs: {fail_if_none_matches_regexp: ['x']}"));
}

TEST_CASE("dns: NXDOMAIN is what was asked for where the module says so") {
    std::string none = kDns;
    none.replace(none.find("NOERROR"), 7, "NXDOMAIN");
    const Failure failure{Source::resolver, "check", "NXDOMAIN", ""};
    const auto wanted = [&](const char* rcodes) {
        return write(
                   module_of(std::string("    prober: dns\n    dns: {query_name: a, valid_rcodes: ") + rcodes + "}\n"),
                   probed(none, Status::failed, failure))
            .success;
    };
    CHECK(wanted("[NXDOMAIN]"));
    CHECK_FALSE(wanted("[NOERROR]"));
    CHECK_FALSE(wanted("[]"));
}

TEST_CASE("icmp: one reply is success; loss and round trips are told") {
    const auto ping = write(module_of("    prober: icmp\n"), probed(kPing, Status::partial));
    CHECK(ping.success);
    for (const char* line : {"probe_icmp_duration_seconds{phase=\"rtt\"} 0.013", "probe_icmp_reply_hop_limit 62",
                             "probe_icmp_packet_loss_ratio 0.3325", "probe_icmp_rtt_seconds{stat=\"max\"} 0.014",
                             "probe_icmp_rtt_seconds{stat=\"jitter\"} 0.002", "probe_ip_protocol 6"})
        CHECK(ping.says(line));
}

TEST_CASE("with one line the labels are blackbox_exporter's, with more each has its own") {
    const auto ping = write(module_of("    prober: icmp\n"), probed(kPing), {{"line", "telecom"}, {"node", "gz-1"}});
    CHECK(ping.says("probe_success{line=\"telecom\",node=\"gz-1\"} 1"));
    CHECK(ping.says("probe_icmp_duration_seconds{line=\"telecom\",node=\"gz-1\",phase=\"rtt\"} 0.013"));
    const auto one = write(module_of("    prober: icmp\n"), probed(kPing));
    CHECK(one.says(
        "probe_line_info{line=\"telecom\",node=\"gz-1\",carrier=\"ct\",ifname=\"wan0\",src=\"100.64.1.2\"} 1"));
}

TEST_CASE("an address's hash is FNV-1a of its bytes") {
    CHECK(address_hash(IpAddress::parse("127.0.0.1").value()) == 3'668'918'509U);
}

}  // namespace edge::broker::prometheus
