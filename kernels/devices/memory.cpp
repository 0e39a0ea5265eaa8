#include "kernels/devices/memory.h"

#include <sys/mman.h>

#include <atomic>
#include <cstdint>
#include <limits>
#include <new>
#include <utility>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace ergon {
namespace {

constexpr std::size_t small_page = 4096;
constexpr std::size_t huge_page = std::size_t{2} << 20;

std::atomic<PagePolicy> policy_of_all{PagePolicy::system};

std::size_t rounded_up(std::size_t bytes, std::size_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

// The least that a line has on either architecture; a line named twice is dropped twice.
constexpr std::size_t cache_line = 64;

void drop_line([[maybe_unused]] const std::byte* line) noexcept {
#if defined(__x86_64__)
  _mm_clflush(line);
#elif defined(__aarch64__)
  __asm__ volatile("dc civac, %0" ::"r"(line) : "memory");
#endif
}

void wait_for_dropped_lines() noexcept {
#if defined(__x86_64__)
  _mm_mfence();
#elif defined(__aarch64__)
  __asm__ volatile("dsb ish" ::: "memory");
#endif
}

}  // namespace

// Advice that the kernel refuses (built without huge pages) changes nothing but the pages' size,
// which whoever records a run reads from the system.
void advise(std::byte* data, std::size_t bytes, PagePolicy policy) noexcept {
  const auto address = reinterpret_cast<std::uintptr_t>(data);
  const std::size_t before = rounded_up(address, small_page) - address;
  if (bytes < before + small_page) return;
  const std::size_t whole = (bytes - before) / small_page * small_page;
  if (policy == PagePolicy::huge) madvise(data + before, whole, MADV_HUGEPAGE);
  if (policy == PagePolicy::small) madvise(data + before, whole, MADV_NOHUGEPAGE);
}

void evict(const std::byte* data, std::size_t bytes) noexcept {
  const auto first = reinterpret_cast<std::uintptr_t>(data) % cache_line;
  for (std::size_t at = 0; at < bytes + first; at += cache_line)
    drop_line(data + at - (at == 0 ? 0 : first));
  wait_for_dropped_lines();
}

std::string_view name(PagePolicy policy) noexcept {
  constexpr std::string_view names[] = {"system", "small", "huge"};
  return names[static_cast<std::size_t>(policy)];
}

void set_page_policy(PagePolicy policy) noexcept { policy_of_all = policy; }
PagePolicy page_policy() noexcept { return policy_of_all; }

HostMemory::HostMemory(std::size_t bytes) : bytes_(bytes) {
  if (bytes == 0) return;
  const PagePolicy policy = page_policy();
  const std::size_t unit = policy == PagePolicy::huge ? huge_page : small_page;
  if (bytes > std::numeric_limits<std::size_t>::max() / 2) throw std::bad_alloc();
  // mmap aligns to the system's page; one unit more leaves room to align to ours.
  mapped_bytes_ = rounded_up(bytes, unit) + (unit > small_page ? unit : 0);
  void* mapping =
      mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED) throw std::bad_alloc();
  mapping_ = static_cast<std::byte*>(mapping);
  const auto address = reinterpret_cast<std::uintptr_t>(mapping_);
  data_ = mapping_ + (rounded_up(address, unit) - address);
  advise(data_, rounded_up(bytes, unit), policy);
}

HostMemory::HostMemory(HostMemory&& other) noexcept { *this = std::move(other); }

HostMemory& HostMemory::operator=(HostMemory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  std::swap(mapping_, other.mapping_);
  std::swap(mapped_bytes_, other.mapped_bytes_);
  return *this;
}

HostMemory::~HostMemory() {
  if (mapping_ != nullptr) munmap(mapping_, mapped_bytes_);
}

}  // namespace ergon
