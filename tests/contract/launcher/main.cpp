// Needs root and a kernel with namespaces, control groups and BPF; says so where it cannot run.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>

int main(int argc, char** argv) {
    if (::geteuid() != 0) {
        std::puts("skipped: contract_launcher needs root");
        return 77;
    }
    return doctest::Context(argc, argv).run();
}
