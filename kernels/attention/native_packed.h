// Where the loops with queries in lanes find blocks of keys and values.
#pragma once

#include <algorithm>

#include "kernels/attention/native_flash.h"

namespace ergon {

/// Blocks of every head of keys, packed before.
class PackedBlocks final : public FlashBlocks {
 public:
  PackedBlocks(const Attention& a, const NativeShape& shape, const KvBlocks& layout,
               std::byte* data)
      : heads_(a.kv_heads), blocks_(of_a_head(a, shape)), layout_(layout), data_(data) {}
  static std::int64_t of_a_head(const Attention& a, const NativeShape& shape) {
    return (a.kv_len + shape.block - 1) / shape.block;
  }
  static std::size_t bytes(const Attention& a, const NativeShape& shape, const KvBlocks& layout) {
    return static_cast<std::size_t>(
        rounded_up(a.batch * a.kv_heads * of_a_head(a, shape) * layout.bytes(), 4096));
  }
  std::byte* place(std::int64_t sequence, std::int64_t head, std::int64_t index) const {
    return data_ + ((sequence * heads_ + head) * blocks_ + index) * layout_.bytes();
  }
  KvBlock block(std::int64_t sequence, std::int64_t head, std::int64_t index,
                std::byte* /*scratch*/) const override {
    return layout_.at(place(sequence, head, index));
  }

 private:
  std::int64_t heads_, blocks_;
  const KvBlocks& layout_;
  std::byte* data_;
};

/// Packs a block when it is asked for, into the asker's scratch; keys stay where they are if they
/// lie as in a block.
class GivenBlocks final : public FlashBlocks {
 public:
  GivenBlocks(const Attention& a, const NativeShape& shape, const KvBlocks& layout,
              const KvSource& source)
      : a_(a), block_(shape.block), layout_(layout), source_(source) {}
  static std::int64_t scratch_bytes(const KvBlocks& layout) {
    return layout.bytes() + layout.scratch_bytes();
  }
  KvBlock block(std::int64_t sequence, std::int64_t head, std::int64_t index,
                std::byte* scratch) const override {
    const std::int64_t first = index * block_;
    return layout_.given(source_, sequence, head, first,
                         std::min(block_, a_.length(sequence) - first), scratch + layout_.bytes(),
                         scratch);
  }

 private:
  const Attention& a_;
  std::int64_t block_;
  const KvBlocks& layout_;
  const KvSource& source_;
};

}  // namespace ergon
