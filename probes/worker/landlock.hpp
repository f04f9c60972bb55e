// Landlock: this process gives up every file right it has, and where the kernel can, binding TCP ports and reaching
// processes outside by abstract unix sockets and signals. Source: Documentation/userspace-api/landlock.rst.
#pragma once

namespace edge::probes {

/// False when the kernel has no Landlock (the seccomp filter then stands alone). Cannot be undone.
bool give_up_files();

}  // namespace edge::probes
