// Runs a test on every OpenCL device of the machine, and skips it, saying why, where there is none.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "kernels/devices/opencl.h"

namespace ergon {

class EveryOpenclDevice : public testing::Test {
 protected:
  void SetUp() override {
    std::string reason;
    devices = find_opencl(reason);
    if (devices.empty()) GTEST_SKIP() << "no OpenCL device: " << reason;
  }

  /// Calls `body(device)` with the device's name on every failure.
  template <class Body>
  void on_each(Body body) {
    for (const auto& device : devices) {
      SCOPED_TRACE(device->info().id + " " + device->info().name);
      body(dynamic_cast<OpenclDevice&>(*device));
    }
  }

  std::vector<std::unique_ptr<Device>> devices;
};

}  // namespace ergon
