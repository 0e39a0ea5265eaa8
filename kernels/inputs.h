// The operands of one workload in host memory, `slots` times over.
//
// They belong to the workload: all implementations of a block read the same memory. Each operand
// starts on a cache line; a slot starts on a page. Large allocations are advised huge pages where
// `PagePolicy::huge` says so.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/devices/memory.h"
#include "kernels/tensor.h"

namespace ergon {

/// An operand in memory of others: slot s is `stride` bytes behind slot s - 1. 0: all slots share
/// it.
struct PlacedOperand {
  NamedDesc operand;
  const std::byte* first = nullptr;
  std::size_t stride = 0;
};

class Inputs {
 public:
  Inputs(std::vector<NamedDesc> operands, std::size_t slots);
  /// Owns no memory, and is to be read only.
  static Inputs over(const std::vector<PlacedOperand>& placed, std::size_t slots);

  std::size_t slots() const noexcept { return slots_; }
  std::span<const NamedDesc> operands() const noexcept { return operands_; }
  /// Throws std::out_of_range for a name that is not an operand.
  const TensorDesc& desc(std::string_view name) const;
  HostTensor tensor(std::string_view name, std::size_t slot) const;
  std::byte* data(std::string_view name, std::size_t slot);
  const std::byte* data(std::string_view name, std::size_t slot) const;
  template <class T>
  const T* as(std::string_view name, std::size_t slot) const {
    return reinterpret_cast<const T*>(data(name, slot));
  }
  /// Copies slot 0 into all others.
  void replicate();
  /// Of its own memory.
  std::size_t bytes_per_slot() const noexcept { return slot_bytes_; }

  std::string distribution;  // how the values were drawn, for the record
  std::uint64_t seed = 0;
  double entropy_bits_per_element = 0;  // empirical, over all operands (fill.h)

 private:
  struct Place {
    std::byte* first;
    std::size_t stride;
  };
  std::size_t index(std::string_view name) const;
  std::vector<NamedDesc> operands_;
  std::vector<Place> places_;
  std::size_t slots_;
  std::size_t slot_bytes_;
  HostMemory memory_;
};

/// Bytes that Inputs would allocate for one slot.
std::size_t slot_bytes(std::span<const NamedDesc> operands) noexcept;

}  // namespace ergon
