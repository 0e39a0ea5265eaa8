// A workload with its values and with what is right for them, which all implementations share.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "kernels/registry.h"

namespace ergon {

class Problem {
 public:
  using MakeInputs = std::function<std::unique_ptr<Inputs>(const Workload& workload,
                                                           std::uint64_t seed, std::size_t slots)>;

  /// Without `make_inputs`, the family's inputs.
  Problem(const Family& family, std::unique_ptr<Workload> workload, MakeInputs make_inputs = {})
      : family_(&family), workload_(std::move(workload)), make_inputs_(std::move(make_inputs)) {}

  const Workload& workload() const { return *workload_; }
  std::unique_ptr<Inputs> inputs(std::uint64_t seed, std::size_t slots) const {
    return make_inputs_ ? make_inputs_(*workload_, seed, slots)
                        : family_->inputs(*workload_, seed, slots);
  }
  /// Made once for a seed.
  const Oracle& oracle(std::uint64_t seed) const {
    auto& oracle = oracles_[seed];
    if (!oracle) oracle = family_->oracle(*workload_, *inputs(seed, 1));
    return *oracle;
  }

 private:
  const Family* family_;
  std::unique_ptr<Workload> workload_;
  MakeInputs make_inputs_;
  mutable std::map<std::uint64_t, std::unique_ptr<Oracle>> oracles_;
};

}  // namespace ergon
