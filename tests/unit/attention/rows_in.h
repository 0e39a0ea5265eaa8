// Rows of keys, values and queries of an attention's inputs, that tests change and copy.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>

#include "kernels/attention/kv.h"

namespace ergon {

/// A row of an operand of rows of tokens (kv.h).
struct Place {
  std::int64_t sequence = 0, token = 0, head = 0;
};

class RowsIn {
 public:
  /// Of "k", "v", "latent" or "index_k".
  RowsIn(const Attention& workload, Inputs& inputs, const std::string& operand)
      : inputs_(inputs),
        name_(operand),
        heads_(operand == "k" || operand == "v" ? workload.kv_heads : 1),
        width_(operand == "latent"    ? workload.latent_dim()
               : operand == "index_k" ? workload.index_head_dim
               : operand == "k"       ? workload.head_dim
                                      : workload.v_head_dim),
        rows_(workload, inputs, 0, operand, heads_, width_) {}

  std::int64_t heads() const { return heads_; }
  std::int64_t width() const { return width_; }
  DType dtype() const { return rows_.dtype(); }
  std::byte* row(const Place& at) {
    return inputs_.data(name_, 0) + (rows_.row(at.sequence, at.token, at.head) - first());
  }
  float* scale(const Place& at) {
    if (!rows_.scaled()) return nullptr;
    return reinterpret_cast<float*>(inputs_.data(name_ + "_scale", 0)) + index(at);
  }
  void set(const Place& at, std::int64_t element, double value) {
    store(dtype(), row(at), element, value);
  }
  /// The elements that both have, and the scale.
  void copy(const Place& to, RowsIn& other, const Place& from) {
    std::memcpy(row(to), other.row(from), std::min(bytes(), other.bytes()));
    if (scale(to) != nullptr) *scale(to) = *other.scale(from);
  }
  /// Which row of all in memory it is.
  std::int64_t index(const Place& at) {
    return (rows_.row(at.sequence, at.token, at.head) - first()) /
           static_cast<std::int64_t>(bytes());
  }
  std::int64_t count() const { return inputs_.desc(name_).elements() / width_; }
  /// Row `index` and its scale become these bytes.
  void spoil(std::int64_t index, int byte) {
    std::memset(inputs_.data(name_, 0) + index * static_cast<std::int64_t>(bytes()), byte, bytes());
    if (rows_.scaled())
      std::memset(inputs_.data(name_ + "_scale", 0) + index * std::int64_t{sizeof(float)}, byte,
                  sizeof(float));
  }

 private:
  const std::byte* first() const { return inputs_.data(name_, 0); }
  std::size_t bytes() const { return static_cast<std::size_t>(width_) * size_of(dtype()); }

  Inputs& inputs_;
  std::string name_;
  std::int64_t heads_, width_;
  KvRows rows_;
};

}  // namespace ergon
