// What a structure of attention adds to the family: its operands, their values, its work, and what
// is right. One file per structure; structure_of() finds it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kernels/attention/attention.h"

namespace ergon {

class StructureRules {
 public:
  virtual ~StructureRules() = default;
  /// Resolves what the fields leave open, and throws InvalidField for what the structure has not.
  /// `given` are the fields that somebody wrote, the others being their fallbacks.
  virtual void settle(Attention& workload, const FieldMap& given) const = 0;
  virtual Work work(const Attention& workload) const noexcept = 0;
  /// As Workload's; less than work().bytes where a call changes an operand.
  virtual double distinct_bytes(const Attention& workload) const noexcept {
    return work(workload).bytes;
  }
  /// flops with every query meeting every key of its own sequence: the other convention; where it
  /// differs in kind.
  virtual std::optional<double> full_square_flops(const Attention& workload) const noexcept = 0;
  /// What a token adds to the cache, over all heads; where it does.
  virtual std::optional<double> kv_bytes_per_token(const Attention& workload) const noexcept = 0;
  virtual std::vector<NamedDesc> operands(const Attention& workload) const = 0;
  /// Draws slot 0, a function of the seed; what the values are, for the record.
  virtual std::string fill(const Attention& workload, Inputs& inputs, std::uint64_t seed) const = 0;
  /// Tensors of a slot.
  virtual std::vector<NamedDesc> outputs(const Attention& workload) const = 0;
  virtual std::unique_ptr<Oracle> oracle(const Attention& workload, const Inputs& inputs) const = 0;
  virtual std::size_t oracle_bytes(const Attention& workload) const = 0;
};

const StructureRules& softmax_rules();
const StructureRules& mla_rules();
const StructureRules& sparse_rules();
const StructureRules& linear_rules();

const StructureRules& structure_of(const Attention& workload) noexcept;

}  // namespace ergon
