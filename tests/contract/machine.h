// The registry and the devices of the machine that the tests run on, opened once.
#pragma once

#include <algorithm>
#include <cctype>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/registry.h"

namespace ergon {

struct Machine {
  Registry registry{RegistryOptions{}};
  std::vector<std::unique_ptr<Device>> devices;

  Machine() {
    for (const DeviceEntry& entry : device_entries()) {
      std::string reason;
      for (auto& device : entry.find(reason)) devices.push_back(std::move(device));
    }
  }
  /// The first device of the API that the implementation runs on.
  Device& device_for(const ImplementationInfo& info) const {
    for (const auto& device : devices) {
      const std::string& id = device->info().id;
      if (id.substr(0, id.find(':')) == info.device_kind) return *device;
    }
    throw std::runtime_error("no device for " + info.name + ", which is not unavailable");
  }
};

inline Machine& machine() {
  static Machine one;
  return one;
}

inline std::string test_name(const ImplementationInfo& info) {
  std::string name =
      info.backend + "_" + info.name + (info.variant.empty() ? "" : "_" + info.variant);
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return !std::isalnum(c); }, '_');
  return name;
}

}  // namespace ergon
