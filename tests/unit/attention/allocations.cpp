#include "tests/unit/attention/allocations.h"

#include <malloc.h>
#include <sys/mman.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::size_t> bytes_now{0}, most_bytes{0}, mappings{0};

void take(std::size_t bytes) {
  const std::size_t now = bytes_now += bytes;
  std::size_t most = most_bytes;
  while (now > most && !most_bytes.compare_exchange_weak(most, now)) {
  }
}

}  // namespace

namespace ergon {

Allocations allocations() noexcept { return {bytes_now, most_bytes, mappings}; }
void begin_of_most() noexcept { most_bytes = bytes_now.load(); }

}  // namespace ergon

extern "C" {
void* __real_mmap(void* address, std::size_t bytes, int protection, int flags, int file,
                  off_t offset);
int __real_munmap(void* address, std::size_t bytes);

void* __wrap_mmap(void* address, std::size_t bytes, int protection, int flags, int file,
                  off_t offset) {
  void* given = __real_mmap(address, bytes, protection, flags, file, offset);
  if (given != MAP_FAILED) take(bytes);
  ++mappings;
  return given;
}
int __wrap_munmap(void* address, std::size_t bytes) {
  bytes_now -= bytes;
  return __real_munmap(address, bytes);
}
}

void* operator new(std::size_t bytes) {
  void* given = std::malloc(bytes);
  if (given == nullptr) throw std::bad_alloc();
  take(malloc_usable_size(given));
  return given;
}
void operator delete(void* given) noexcept {
  if (given != nullptr) bytes_now -= malloc_usable_size(given);
  std::free(given);
}
void operator delete(void* given, std::size_t /*bytes*/) noexcept { operator delete(given); }
