#include <doctest/doctest.h>

#include <string>

#include "agent/launcher/sandbox/seccomp_filter.hpp"

using namespace edge::launcher;

TEST_CASE("the list of refused calls is the one that was reviewed") {
    std::string all;
    for (const auto call : denied_calls()) all += std::string(call) + " ";
    CHECK(all ==
          "mount umount2 pivot_root chroot fsopen fsconfig fsmount fspick open_tree move_mount mount_setattr setns "
          "unshare "
          "open_by_handle_at name_to_handle_at quotactl quotactl_fd swapon swapoff mknod mknodat fanotify_init ptrace "
          "process_vm_readv process_vm_writev process_madvise kcmp pidfd_getfd move_pages migrate_pages bpf "
          "perf_event_open "
          "userfaultfd io_uring_setup io_uring_enter io_uring_register io_setup keyctl add_key request_key kexec_load "
          "kexec_file_load init_module finit_module delete_module modify_ldt iopl ioperm uselib lookup_dcookie "
          "personality "
          "memfd_secret reboot acct syslog vhangup sethostname setdomainname settimeofday clock_settime adjtimex "
          "clock_adjtime listen accept accept4 ");
}

TEST_CASE("the filter can be built here, and fits the kernel's limit") {
    const auto filter = wide_filter();
    REQUIRE(filter);
    CHECK(filter.value().size() > 60);
    CHECK(filter.value().size() < 400);   // one more comparison for each packet is one too many
    CHECK(filter.value().size() < 4096);  // BPF_MAXINSNS
}
