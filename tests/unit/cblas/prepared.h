// A CBLAS implementation prepared for one GEMM, with all that it lives on.
#pragma once

#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels/gemm/gemm.h"
#include "kernels/registry.h"

namespace ergon {

Implementations make_gemm_cblas(const RegistryOptions& options);

inline Device& cpu_device() {
  static const std::vector<std::unique_ptr<Device>> cpus = [] {
    std::string reason;
    for (const DeviceEntry& entry : device_entries())
      if (std::string(entry.api) == "cpu") return entry.find(reason);
    throw std::logic_error("no cpu among the devices");
  }();
  return *cpus.at(0);
}

inline std::unique_ptr<Implementation> open_one(const std::string& name_or_path) {
  return std::move(make_gemm_cblas({.blas = {name_or_path}}).at(0));
}

#ifdef ERGON_TEST_BLAS_DIR
inline std::string test_library(const std::string& name) {
  return std::string(ERGON_TEST_BLAS_DIR) + "/libergon_test_blas_" + name + ".so";
}
#endif

inline FieldMap square(std::int64_t size, const std::string& dtype = "f32") {
  return {{"m", size}, {"n", size}, {"k", size}, {"dtype", dtype}};
}

class Prepared {
 public:
  Prepared(const Implementation& implementation, const FieldMap& fields, int threads = 1)
      : workload_(gemm_family().make(fields)),
        inputs_(gemm_family().inputs(*workload_, 5, 1)),
        stream_(cpu_device().make_stream()),
        plan_(implementation.prepare(*workload_, *inputs_, {&cpu_device(), threads, 1})) {}

  /// One call over a poisoned C: what the oracle of the inputs as they are now says of it.
  Accuracy call() {
    const DeviceTensor c = plan_->outputs(0).at(0);
    std::memset(c.buffer->host() + c.offset, 0xff, c.desc.span_bytes());
    plan_->reset(0);
    plan_->activate();
    plan_->enqueue(0, *stream_, 0);
    stream_->finish();
    const HostTensor got{c.name, c.desc, c.buffer->host() + c.offset};
    return gemm_family().oracle(*workload_, *inputs_)->check({&got, 1});
  }
  Inputs& inputs() { return *inputs_; }
  const Plan& plan() const { return *plan_; }

 private:
  std::unique_ptr<Workload> workload_;
  std::unique_ptr<Inputs> inputs_;
  std::unique_ptr<Stream> stream_;
  std::unique_ptr<Plan> plan_;
};

}  // namespace ergon
