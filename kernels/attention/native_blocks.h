// Keys and values as the loops with queries in lanes read them: blocks of keys, one behind the
// other, all of a block's keys, then its values, then scales.
//
//   keys [block][words], values in panels of columns [block / group][lanes] words
//
// Elements beyond a width, and the second key of a word that has one only, are zeros.
#pragma once

#include <cstddef>
#include <vector>

#include "kernels/attention/native_shape.h"

namespace ergon {

/// Where keys and values come from: rows of a head, as what is multiplied.
class KvSource {
 public:
  virtual ~KvSource() = default;
  /// `count` rows from `first` on: where they lie, or put into `scratch`, densely.
  virtual RowsInMemory keys(std::int64_t sequence, std::int64_t head, std::int64_t first,
                            std::int64_t count, std::byte* scratch) const = 0;
  virtual RowsInMemory values(std::int64_t sequence, std::int64_t head, std::int64_t first,
                              std::int64_t count, std::byte* scratch) const = 0;
  /// Of a key or value; where shape says scaled.
  virtual float key_scale(std::int64_t sequence, std::int64_t head, std::int64_t key) const = 0;
  virtual float value_scale(std::int64_t sequence, std::int64_t head, std::int64_t key) const = 0;
};

/// One block, as a loop reads it.
struct KvBlock {
  const std::byte* keys = nullptr;
  const std::byte* values = nullptr;
  const float* key_scale = nullptr;  // [block]; nullptr: 1
  const float* value_scale = nullptr;
};

class KvBlocks {
 public:
  /// `scaled`: keys and values have a scale each.
  KvBlocks(const NativeShape& shape, bool scaled);

  std::int64_t bytes() const noexcept { return bytes_; }
  /// Of a thread that packs.
  std::int64_t scratch_bytes() const noexcept;
  KvBlock at(const std::byte* block) const noexcept;
  std::byte* values(std::byte* block) const noexcept { return block + values_at_; }
  /// Gives a key and its value one scale; of a scaled layout.
  void put_scale(float scale, std::int64_t key, std::byte* block) const;
  /// Columns of a panel of values.
  std::int64_t width() const noexcept { return width_; }
  /// The panel that begins at column `first` of V, among a block's values.
  std::int64_t value_panel(std::int64_t first) const noexcept { return first / width_ * panel_; }
  /// Keys first to first + count - 1, at most a block.
  void pack(const KvSource& from, std::int64_t sequence, std::int64_t head, std::int64_t first,
            std::int64_t count, std::byte* scratch, std::byte* to) const;
  /// The same, keys being left where they are if they lie as in a block.
  KvBlock given(const KvSource& from, std::int64_t sequence, std::int64_t head, std::int64_t first,
                std::int64_t count, std::byte* scratch, std::byte* to) const;
  /// Values alone, that lie in rows `stride` bytes apart.
  void pack_values(const RowsInMemory& rows, std::int64_t count, std::byte* to) const;
  /// Key `key` of a block, beside those that are there.
  void put(const KvSource& from, std::int64_t sequence, std::int64_t head, std::int64_t token,
           std::int64_t key, std::byte* scratch, std::byte* to) const;

  void pack_keys(const RowsInMemory& rows, std::int64_t count, std::byte* to) const;
  /// Those of keys and of values, of a scaled layout.
  void pack_scales(const KvSource& from, std::int64_t sequence, std::int64_t head,
                   std::int64_t first, std::int64_t count, std::byte* to) const;

 private:
  const NativeShape& shape_;
  bool scaled_;
  std::int64_t width_;
  std::int64_t panel_;  // bytes of one of values
  std::int64_t values_at_, scales_at_, bytes_;
};

}  // namespace ergon
