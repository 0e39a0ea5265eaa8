#include "kernels/registry.h"

#include <array>
#include <iterator>
#include <utility>

namespace ergon {

// The generated lines end in what an absent entry lacks; it is empty for those that are there.
#define ERGON_FAMILY(kernel) const Family& kernel##_family();
#define ERGON_IMPL(kernel, backend, lacks) \
  Implementations make_##kernel##_##backend(const RegistryOptions& options);
#define ERGON_DEVICE(api, lacks) \
  std::vector<std::unique_ptr<Device>> find_##api(std::string& reason);
#include "registry/devices.inc"
#include "registry/families.inc"
#include "registry/implementations.inc"
#undef ERGON_FAMILY
#undef ERGON_IMPL
#undef ERGON_DEVICE

namespace {

[[maybe_unused]] std::string lacking(std::string_view what) {
  return "this build lacks " + std::string(what);
}

#define ERGON_IMPL(kernel, backend, lacks) {#kernel, #backend, &make_##kernel##_##backend, ""},
#define ERGON_IMPL_ABSENT(kernel, backend, lacks) {#kernel, #backend, nullptr, lacks},
const std::vector<RegistryEntry> entries = {
#include "registry/absent_implementations.inc"
#include "registry/implementations.inc"
};

#define ERGON_DEVICE(api, lacks) {#api, &find_##api},
#define ERGON_DEVICE_ABSENT(api, lacks)                                    \
  {#api, [](std::string& reason) -> std::vector<std::unique_ptr<Device>> { \
     reason = lacking(lacks);                                              \
     return {};                                                            \
   }},
const std::vector<DeviceEntry> devices = {
#include "registry/absent_devices.inc"
#include "registry/devices.inc"
};

const std::vector<const Family*>& all_families() {
#define ERGON_FAMILY(kernel) &kernel##_family(),
  static const std::vector<const Family*> families = {
#include "registry/families.inc"
  };
  return families;
}

}  // namespace

std::span<const RegistryEntry> registry_entries() noexcept { return entries; }
std::span<const DeviceEntry> device_entries() noexcept { return devices; }
std::span<const Family* const> families() noexcept { return all_families(); }

Registry::Registry(const RegistryOptions& options) : families_(all_families()) {
  for (const RegistryEntry& entry : entries) {
    if (entry.make == nullptr) continue;
    for (auto& implementation : entry.make(options))
      implementations_.push_back(std::move(implementation));
  }
}

const Family* Registry::family(std::string_view name) const noexcept {
  for (const Family* family : families_)
    if (family->name() == name) return family;
  return nullptr;
}

bool matches(std::string_view selector, const ImplementationInfo& info) noexcept {
  for (const std::string_view part : {std::string_view(info.backend), std::string_view(info.name),
                                      std::string_view(info.variant)}) {
    const std::size_t colon = selector.find(':');
    if (selector.substr(0, colon) != part) return false;
    if (colon == std::string_view::npos) return true;
    selector.remove_prefix(colon + 1);
  }
  return false;
}

}  // namespace ergon
