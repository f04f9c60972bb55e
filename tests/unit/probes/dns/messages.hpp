// DNS messages for tests, written by hand.
#pragma once
#include <cstdint>
#include <string>

#include "protocol/codings.hpp"

namespace edge::probes {

struct MessageWriter {
    Bytes bytes;

    MessageWriter& u8(unsigned value) {
        bytes.push_back(static_cast<std::uint8_t>(value));
        return *this;
    }
    MessageWriter& u16(unsigned value) { return u8(value >> 8).u8(value & 255); }
    MessageWriter& u32(std::uint32_t value) { return u16(value >> 16).u16(value & 0xffff); }
    MessageWriter& raw(const std::string& text) {
        bytes.insert(bytes.end(), text.begin(), text.end());
        return *this;
    }
    MessageWriter& name(const std::string& dotted) {
        for (std::size_t begin = 0; begin < dotted.size();) {
            const std::size_t end = std::min(dotted.find('.', begin), dotted.size());
            u8(static_cast<unsigned>(end - begin)).raw(dotted.substr(begin, end - begin));
            begin = end + 1;
        }
        return u8(0);
    }
    MessageWriter& header(unsigned id, unsigned flags, unsigned qd, unsigned an, unsigned ns, unsigned ar) {
        return u16(id).u16(flags).u16(qd).u16(an).u16(ns).u16(ar);
    }
    /// A record whose owner points to the question's name (offset 12).
    MessageWriter& record(unsigned type, std::uint32_t ttl, const Bytes& rdata) {
        u16(0xc00c).u16(type).u16(1).u32(ttl).u16(static_cast<unsigned>(rdata.size()));
        bytes.insert(bytes.end(), rdata.begin(), rdata.end());
        return *this;
    }
};

}  // namespace edge::probes
