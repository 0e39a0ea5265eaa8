// Running a oneDNN primitive under a number of threads.
#pragma once

#include <omp.h>

#include <utility>
#include <vector>

#include "kernels/gemm/onednn_api.h"

namespace ergon::onednn {

/// The number of OpenMP threads of the calling thread, put back at the end of the scope.
class ThreadCount {
 public:
  explicit ThreadCount(int threads) : before_(omp_get_max_threads()) {
    omp_set_num_threads(threads);
  }
  ~ThreadCount() { omp_set_num_threads(before_); }
  ThreadCount(const ThreadCount&) = delete;
  ThreadCount& operator=(const ThreadCount&) = delete;

 private:
  int before_;
};

/// One primitive with its arguments bound, as the C interface takes them: the C++ one would copy a
/// map in every call.
class Call {
 public:
  explicit Call(dnnl::primitive primitive) : primitive_(std::move(primitive)) {}
  void bind(int argument, dnnl::memory operand) {
    arguments_.push_back({argument, operand.get()});
    operands_.push_back(std::move(operand));
  }
  void run(dnnl::stream& stream) const {
    dnnl::error::wrap_c_api(
        dnnl_primitive_execute(primitive_.get(), stream.get(), static_cast<int>(arguments_.size()),
                               arguments_.data()),
        "could not execute a primitive");
    stream.wait();
  }

 private:
  dnnl::primitive primitive_;
  std::vector<dnnl::memory> operands_;  // keeps them alive
  std::vector<dnnl_exec_arg_t> arguments_;
};

}  // namespace ergon::onednn
