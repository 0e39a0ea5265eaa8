// Which tokens go to which experts, and the rows of Y in the order of experts.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/moe/moe.h"

namespace ergon {

/// The operand "expert", [m, top_k]: a function of m, top_k, experts and routing alone.
std::vector<std::int32_t> route(const Moe& workload);

/// Rows of Y sorted by expert, those of one expert in their own order.
class RowsByExpert {
 public:
  RowsByExpert(std::int64_t experts, std::int64_t rows)
      : first_(static_cast<std::size_t>(experts) + 1), rows_(static_cast<std::size_t>(rows)) {}

  /// By counting; `expert[row]` for as many rows as it was made for.
  void sort(const std::int32_t* expert);

  std::int64_t experts() const noexcept { return static_cast<std::int64_t>(first_.size()) - 1; }
  /// Where an expert's rows begin in the order.
  std::int64_t first(std::int64_t expert) const noexcept {
    return first_[static_cast<std::size_t>(expert)];
  }
  std::span<const std::int64_t> of(std::int64_t expert) const noexcept {
    return {rows_.data() + first(expert), rows_.data() + first(expert + 1)};
  }
  static std::size_t bytes(std::int64_t experts, std::int64_t rows) noexcept {
    return static_cast<std::size_t>(8 * (experts + 1 + rows));
  }

 private:
  std::vector<std::int64_t> first_, rows_;
};

}  // namespace ergon
