// A browser's end of the stream, frame by frame. Source: RFC 6455 section 5.
#pragma once
#include "plain_client.hpp"
#include "protocol/json/bounded.hpp"

namespace edge::broker::test {

class StreamClient : public PlainClient {
  public:
    explicit StreamClient(std::uint16_t port, const std::string& headers = "Authorization: Bearer edgep_good\r\n")
        : PlainClient(port) {
        send(
            "GET /api/v1/stream HTTP/1.1\r\nHost: broker.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            "Sec-WebSocket-Protocol: edge.stream.v1\r\n" +
            headers + "\r\n");
        head = read_until("\r\n\r\n");
    }
    bool is_open() const { return head.starts_with("HTTP/1.1 101 "); }

    void say(std::string_view text, unsigned opcode = 1) {
        std::string frame(1, static_cast<char>(0x80 | opcode));
        if (text.size() < 126) {
            frame += static_cast<char>(0x80 | text.size());
        } else {
            frame += static_cast<char>(0x80 | 126);
            frame += static_cast<char>(text.size() >> 8);
            frame += static_cast<char>(text.size() & 0xff);
        }
        frame.append(4, '\0');  // a mask of zeroes
        send(frame.append(text));
    }
    /// The next text, or empty when the server closed; close_code then says how.
    std::string read_text() {
        const std::string begin = read_exactly(2);
        if (begin.size() < 2) return {};
        std::size_t size = static_cast<unsigned char>(begin[1]) & 0x7f;
        if (size >= 126) {
            const std::string longer = read_exactly(size == 126 ? 2 : 8);
            size = 0;
            for (const char c : longer) size = size << 8 | static_cast<unsigned char>(c);
        }
        const std::string payload = read_exactly(size);
        if ((begin[0] & 0x0f) == 1) return payload;
        if ((begin[0] & 0x0f) == 8 && payload.size() >= 2)
            close_code = static_cast<unsigned char>(payload[0]) << 8 | static_cast<unsigned char>(payload[1]);
        return {};
    }
    Json read() {
        const auto json = parse_json(read_text(), {.bytes = 1 << 20});
        return json ? json.value() : Json();
    }
    /// The next message with this event, others left out.
    Json read(const std::string& event) {
        while (true) {
            Json json = read();
            if (json.is_null() || json["event"] == event) return json;
        }
    }

    std::string head;
    int close_code = 0;
};

}  // namespace edge::broker::test
