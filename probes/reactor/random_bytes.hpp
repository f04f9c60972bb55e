// Random bytes from the kernel, by a system call: a sealed worker can open no file.
#pragma once
#include <sys/random.h>

#include <cerrno>
#include <cstdlib>
#include <type_traits>

namespace edge::probes {

template <class T>
T random_value() {
    static_assert(std::is_trivially_copyable_v<T> &&
                  sizeof(T) <= 256);  // up to 256 bytes getrandom(2) never falls short
    T value;
    ssize_t got = 0;
    do {
        got = getrandom(&value, sizeof value, 0);
    } while (got < 0 && errno == EINTR);
    if (got != static_cast<ssize_t>(sizeof value)) std::abort();  // no randomness: nothing here can be trusted
    return value;
}

}  // namespace edge::probes
