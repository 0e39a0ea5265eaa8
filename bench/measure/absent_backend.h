// A backend that this build was made without. A suite may still name it: its cases are skipped,
// with what to install.
#pragma once

#include "kernels/registry.h"

namespace ergon::measure {

class AbsentBackend final : public Implementation {
 public:
  /// `entry` has no `make`.
  explicit AbsentBackend(const RegistryEntry& entry);

  const ImplementationInfo& info() const noexcept override { return info_; }
  std::optional<std::string> unavailable() const override { return info_.about; }
  std::optional<std::string> unsupported(const Workload& workload) const override;
  Footprint footprint(const Workload& workload, const Placement& placement) const override;
  std::unique_ptr<Plan> prepare(const Workload& workload, const Inputs& inputs,
                                const Placement& placement) const override;

 private:
  ImplementationInfo info_;
};

/// All of them.
Implementations absent_backends();

}  // namespace ergon::measure
