// The process groups of programs that were started: a signal that ends this process (Ctrl-C, a
// terminal that closes) ends them too. They are in groups of their own, which the signal itself
// does not reach. SIGKILL cannot be seen, and leaves them.
#pragma once

#include <sys/types.h>

namespace ergon {

/// From the first call on SIGINT, SIGTERM, SIGHUP and SIGPIPE kill what is remembered, unless they
/// are ignored; then they do what they did before. (LLVM, behind OpenCL, has handlers that remove
/// its files and end the process.) Of more groups than 64 the rest is left to itself.
void remember_group(pid_t group);
/// Before the group's leader is waited for: its number may then become another's.
void forget_group(pid_t group);

}  // namespace ergon
