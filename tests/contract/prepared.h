// A plan with all that it lives on.
#pragma once

#include <memory>
#include <vector>

#include "kernels/registry.h"
#include "tests/contract/problem.h"

namespace ergon {

class Prepared {
 public:
  static constexpr std::size_t slots = 2;

  Prepared(const Implementation& implementation, const Problem& problem, int threads);

  void run_once_stages(std::size_t slot) { run(false, slot); }
  /// One call over poisoned outputs; the accuracy of what it left.
  Accuracy call(std::size_t slot);
  /// Bytes of the outputs' memory that belong to no element and changed in the last call.
  std::int64_t changed_padding() const;
  /// New values in the shared inputs, of which the plan is told.
  void refill();
  Plan& plan() { return *plan_; }

 private:
  struct Output {
    DeviceTensor tensor;
    std::vector<std::byte> before, after;
  };
  void run(bool per_call, std::size_t slot);
  std::vector<std::byte> read(const DeviceTensor& tensor) const;

  Device& device_;
  const Problem& problem_;
  std::uint64_t seed_ = 7;
  std::unique_ptr<Inputs> inputs_;
  std::unique_ptr<Stream> stream_;
  std::unique_ptr<Plan> plan_;
  std::vector<Output> outputs_;
};

}  // namespace ergon
