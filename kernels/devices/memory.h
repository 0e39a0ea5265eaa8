// Page-aligned host memory with a stated page policy.
#pragma once

#include <cstddef>
#include <string_view>

namespace ergon {

/// `small`: MADV_NOHUGEPAGE; `huge`: MADV_HUGEPAGE, 2 MiB aligned; `system`: whatever the system
/// does.
enum class PagePolicy { system, small, huge };

std::string_view name(PagePolicy policy) noexcept;
/// The policy of all allocations from here on; process-wide.
void set_page_policy(PagePolicy policy) noexcept;
PagePolicy page_policy() noexcept;

/// For weights that are packed once and then streamed: huge pages, unless a policy was set. With
/// pages of 4 KiB every implementation reads them up to a third slower.
inline PagePolicy policy_for_packed_weights() noexcept {
  return page_policy() == PagePolicy::system ? PagePolicy::huge : page_policy();
}

/// Another policy for the allocations of a scope.
class PagePolicyScope {
 public:
  explicit PagePolicyScope(PagePolicy policy) noexcept : before_(page_policy()) {
    set_page_policy(policy);
  }
  ~PagePolicyScope() { set_page_policy(before_); }
  PagePolicyScope(const PagePolicyScope&) = delete;
  PagePolicyScope& operator=(const PagePolicyScope&) = delete;

 private:
  PagePolicy before_;
};

/// Asks for such pages under memory that someone else allocated, before its first use: for the
/// whole small pages in it.
void advise(std::byte* data, std::size_t bytes, PagePolicy policy) noexcept;

/// Writes back and drops these bytes from the caches of all processors; their values stay. Does
/// nothing on processors other than x86-64 and Arm.
void evict(const std::byte* data, std::size_t bytes) noexcept;

/// Zeroed memory from mmap; movable. Throws std::bad_alloc.
class HostMemory {
 public:
  HostMemory() = default;
  explicit HostMemory(std::size_t bytes);
  HostMemory(HostMemory&& other) noexcept;
  HostMemory& operator=(HostMemory&& other) noexcept;
  ~HostMemory();
  std::byte* data() const noexcept { return data_; }
  std::size_t bytes() const noexcept { return bytes_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
  std::byte* mapping_ = nullptr;
  std::size_t mapped_bytes_ = 0;
};

}  // namespace ergon
