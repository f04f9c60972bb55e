#include <doctest/doctest.h>

#include "protocol/json/described.hpp"
#include "protocol/worker/frames.hpp"

using namespace edge;
using namespace edge::worker;

namespace {

std::vector<Frame> every_frame() {
    ProbeReport report;
    report.status = Status::ok;
    report.started_us = 1'700'000'000'000'000;
    report.summary = Summary{.duration_us = 12'345, .rtt_us = 12'000, .loss = 0.5, .code = "NOERROR", .bytes = 80};
    report.sockets = {SocketFacts{.src_addr = "100.64.1.2",
                                  .src_port = 1,
                                  .dst_addr = "198.18.0.1",
                                  .dst_port = 53,
                                  .ifname = "wan0",
                                  .fwmark = 0x101,
                                  .protocol = 17}};
    report.detail = Json{{"answer", Json::array({"198.18.0.80"})}};
    return {Run{.task = 7, .service = Service::dns, .params = Json{{"target", "lab.test"}}, .deadline_ms = 3000},
            Cancel{.task = 7}, Ready{.version = "0.1.0", .sandbox = "seccomp+landlock"},
            worker::Progress{.task = 7, .data = Json{{"seq", 0}}}, Done{.task = 7, .report = report}};
}

std::string as_text(const Frame& frame) {
    const auto* done = std::get_if<Done>(&frame);
    return std::visit([](const auto& one) { return dump_json(encode(one)); }, frame) +
           (done ? done->report.detail.text : "");
}

/// All frames that come out when `bytes` arrive in pieces of `step`.
std::vector<std::string> read_in_steps(std::string_view bytes, std::size_t step) {
    FrameReader reader;
    std::vector<std::string> frames;
    while (!bytes.empty()) {
        reader.push(bytes.substr(0, step));
        bytes.remove_prefix(std::min(step, bytes.size()));
        while (true) {
            auto next = reader.next();
            REQUIRE(next);
            if (!next.value()) break;
            frames.push_back(*next.value());
        }
    }
    return frames;
}

}  // namespace

TEST_CASE("every kind of frame comes back as it was sent") {
    for (const Frame& frame : every_frame()) {
        const std::string bytes = encode_frame(frame);
        CAPTURE(bytes.substr(4));
        const auto decoded = decode_frame(bytes.substr(4));
        REQUIRE(decoded);
        CHECK(decoded.value().index() == frame.index());
        CHECK(as_text(decoded.value()) == as_text(frame));
    }
}

TEST_CASE("a frame on the wire is its length, big end first, and its JSON") {
    CHECK(encode_frame(Cancel{.task = 7}) == std::string("\0\0\0\x17", 4) + R"({"t":"cancel","task":7})");
}

TEST_CASE("frames come out whole however the stream is cut") {
    std::string stream;
    std::vector<std::string> wanted;
    for (const Frame& frame : every_frame()) {
        const std::string bytes = encode_frame(frame);
        stream += bytes;
        wanted.push_back(bytes.substr(4));
    }
    for (std::size_t step = 1; step <= stream.size(); ++step) {
        CAPTURE(step);
        CHECK(read_in_steps(stream, step) == wanted);
    }
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
        CAPTURE(cut);
        FrameReader reader;
        std::vector<std::string> frames;
        for (const auto& part : {stream.substr(0, cut), stream.substr(cut)}) {
            reader.push(part);
            for (auto next = reader.next(); next && next.value(); next = reader.next()) frames.push_back(*next.value());
        }
        CHECK(frames == wanted);
    }
}

TEST_CASE("a length above the limit is refused at its fourth byte, before any of it is kept") {
    for (const std::string& header :
         {std::string("\0\4\0\1", 4), std::string("\xff\xff\xff\xff"), std::string("\x80\0\0\0", 4)}) {
        FrameReader reader;
        reader.push(header.substr(0, 3));
        REQUIRE(reader.next());
        reader.push(header.substr(3));
        const auto next = reader.next();
        REQUIRE_FALSE(next);
        CHECK(next.error().code == Errc::too_large);
    }
    FrameReader at_limit;
    at_limit.push(std::string("\0\4\0\0", 4));
    const auto next = at_limit.next();
    REQUIRE(next);
    CHECK_FALSE(next.value());
}

TEST_CASE("an empty frame is a frame, and no JSON") {
    FrameReader reader;
    reader.push(std::string(4, '\0'));
    const auto next = reader.next();
    REQUIRE(next);
    REQUIRE(next.value());
    CHECK(next.value()->empty());
    CHECK_FALSE(decode_frame(*next.value()));
}

TEST_CASE("a Done whose detail does not fit has its detail cut, and says so") {
    Done done{.task = 9, .report = {}};
    done.report.status = Status::ok;
    done.report.summary.code = "200";
    done.report.detail = Json{{"body", std::string(300'000, 'x')}};
    const std::string bytes = encode_frame(done);
    CHECK(bytes.size() < 1000);
    const auto decoded = decode_frame(bytes.substr(4));
    REQUIRE(decoded);
    const auto& cut = std::get<Done>(decoded.value());
    CHECK(cut.task == 9);
    CHECK(cut.report.summary.code == "200");
    CHECK(cut.report.detail == Json{{"truncated", true}});
}

TEST_CASE("whatever a frame holds, what is written fits what is read, and only what must go is gone") {
    // Bytes that JSON writes as one, three and six; less than a frame, about one, and more.
    const std::string texts[] = {std::string(1000, '\x01'), std::string(50'000, '\x01'), std::string(100'000, '\xff'),
                                 std::string(300'000, 'x')};
    const auto decoded = [](const Frame& frame) {
        const std::string bytes = encode_frame(frame);
        REQUIRE(bytes.size() <= 4 + kMaxFrame);
        FrameReader reader;
        reader.push(bytes);
        REQUIRE(reader.next().value().value() == bytes.substr(4));
        auto whole = decode_frame(bytes.substr(4));
        REQUIRE(whole);
        return whole.value();
    };
    for (const std::string& text : texts) {
        CAPTURE(text.size());
        decoded(Run{1, Service::http, Json{{"target", text}}, 1});
        decoded(Ready{text, text});
        decoded(worker::Progress{1, Json{{"text", text}}});
        constexpr int kAllFields = 6;
        for (int field = 0; field <= kAllFields; ++field) {
            CAPTURE(field);
            const auto in = [&](int one) { return field == one || field == kAllFields; };
            Done done{7, {}};
            done.report.summary.duration_us = 5;
            if (in(0)) done.report.detail = Json{{"text", text}};
            if (in(1)) done.report.resolved = {text, text};
            if (in(2)) done.report.failure = Failure{Source::target, "read", "code", text};
            if (in(3)) done.report.failure = Failure{Source::target, text, text, "text"};
            if (in(4)) done.report.summary.code = text;
            if (in(5)) done.report.sockets = {SocketFacts{text, 1, text, 2, text, 3}};
            const Frame back = decoded(done);
            CHECK(std::get<Done>(back).task == 7);
            CHECK(std::get<Done>(back).report.summary.duration_us == 5);
        }
    }
    Done many{1, {}};
    many.report.sockets.resize(4'000);
    decoded(many);
    many.report.detail = Json{{"body", std::string(300'000, 'x')}};
    many.report.sockets.resize(2);
    many.report.resolved = {"192.0.2.1"};
    many.report.failure = Failure{Source::target, "read", "code", std::string(20'000, 't')};
    const auto back = std::get<Done>(decoded(many)).report;
    CHECK(back.sockets.size() == 2);
    CHECK(back.resolved.size() == 1);
    CHECK(back.failure->text.size() == 20'000);
}

TEST_CASE("the longest ping there may be comes through whole, each of its thousand replies") {
    PingDetail detail;
    for (std::uint32_t i = 0; i < 1000; ++i) {
        detail.replies.push_back({.seq = i,
                                  .rtt_us = 12'345,
                                  .ttl = 55,
                                  .size = 56,
                                  .from = "198.18.255.254",
                                  .error = {},
                                  .tx_us = i * 200'000ull,
                                  .dup = false});
    }
    Done done{.task = 1, .report = {}};
    done.report.detail = encode(detail);
    const auto decoded = decode_frame(encode_frame(done).substr(4));
    REQUIRE(decoded);
    CHECK(std::get<Done>(decoded.value()).report.detail.tree()["replies"].size() == 1000);
}

TEST_CASE("a detail nested deeper than the broker takes is refused from the worker already") {
    const auto done = [](std::size_t depth) {
        return R"({"t":"done","task":1,"report":{}})"
               "\n{\"a\":" +
               std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
    };
    CHECK(decode_frame(done(kDetailDepth)));
    CHECK_FALSE(decode_frame(done(kDetailDepth + 1)));
}

TEST_CASE("a detail is one object on one line behind a Done, and behind nothing else") {
    const std::string done = R"({"t":"done","task":1,"report":{}})";
    CHECK(decode_frame(done));
    CHECK(decode_frame(done + "\n{\"a\":1}"));
    for (const std::string detail :
         {"", "[]", "1", "{\"a\":1}\n", "{\"a\":\n1}", " {}", "{\"a\":1,\"a\":2}", "{", "{}{}"}) {
        CAPTURE(detail);
        CHECK_FALSE(decode_frame(done + "\n" + detail));
    }
    CHECK_FALSE(decode_frame("{\"t\":\"cancel\",\"task\":1}\n{}"));
}

TEST_CASE("a frame that is not one of ours is refused") {
    for (const std::string bad : {"", "null", "[]", "{}", R"({"t":1})", R"({"t":"nope"})", R"({"t":"cancel"})",
                                  R"({"t":"cancel","task":-1})", R"({"t":"cancel","task":1,"more":2})",
                                  R"({"t":"run","task":1,"service":"trace","params":{},"deadline_ms":1})",
                                  R"({"t":"done","task":1,"report":{"status":"great"}})", R"({"t":"cancel","task":1}x)",
                                  R"({"t":"cancel","t":"run","task":1})"}) {
        CAPTURE(bad);
        CHECK_FALSE(decode_frame(bad));
    }
}
