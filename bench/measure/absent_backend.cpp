#include "bench/measure/absent_backend.h"

#include <stdexcept>

namespace ergon::measure {

AbsentBackend::AbsentBackend(const RegistryEntry& entry) {
  info_.kernel = entry.kernel;
  info_.backend = info_.name = entry.backend;
  info_.device_kind = "cpu";
  info_.about = "not in this build; it needs " + std::string(entry.absent);
}

std::optional<std::string> AbsentBackend::unsupported(const Workload& /*workload*/) const {
  return info_.about;
}

Footprint AbsentBackend::footprint(const Workload& /*workload*/,
                                   const Placement& /*placement*/) const {
  return {};
}

std::unique_ptr<Plan> AbsentBackend::prepare(const Workload& /*workload*/, const Inputs& /*inputs*/,
                                             const Placement& /*placement*/) const {
  throw std::logic_error(info_.about);
}

Implementations absent_backends() {
  Implementations all;
  for (const RegistryEntry& entry : registry_entries())
    if (entry.make == nullptr) all.push_back(std::make_unique<AbsentBackend>(entry));
  return all;
}

}  // namespace ergon::measure
