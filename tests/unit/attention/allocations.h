// What this process has allocated: by `new`, and by mmap where our own code calls it, which takes
// the linker's options --wrap=mmap and --wrap=munmap.
#pragma once

#include <cstddef>

namespace ergon {

struct Allocations {
  std::size_t bytes = 0;     // now
  std::size_t most = 0;      // since begin_of_most()
  std::size_t mappings = 0;  // ever
};
Allocations allocations() noexcept;
void begin_of_most() noexcept;

}  // namespace ergon
