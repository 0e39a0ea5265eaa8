// What oneDNN runs for its partition of attention, in the words of its own log.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <oneapi/dnnl/dnnl.h>

#include "kernels/attention/attention.h"
#include "tests/contract/prepared.h"

namespace ergon {

Implementations make_attention_onednn(const RegistryOptions& options);

namespace {

using std::string;
using testing::HasSubstr;

const Implementation& onednn_attention() {
  static const Implementations all = make_attention_onednn({});
  return *all.front();
}

Problem prefill(const char* dtype, std::int64_t batch, std::int64_t q_heads, std::int64_t kv_heads,
                std::int64_t length) {
  return {attention_family(), attention_family().make({{"phase", string("prefill")},
                                                       {"batch", batch},
                                                       {"q_heads", q_heads},
                                                       {"kv_heads", kv_heads},
                                                       {"head_dim", std::int64_t{64}},
                                                       {"kv_len", length},
                                                       {"dtype", string(dtype)}})};
}

class OnednnAttention : public testing::Test {
 protected:
  void SetUp() override {
    const Implementation& onednn = onednn_attention();
    if (const auto reason = onednn.unavailable()) GTEST_SKIP() << *reason;
    if (const auto reason = onednn.unsupported(prefill("f32", 1, 4, 4, 64).workload()))
      GTEST_SKIP() << *reason;
  }
  /// What the library logs of a call.
  static string log_of(Prepared& prepared) {
    testing::internal::CaptureStdout();
    dnnl_set_verbose(1);
    prepared.call(0);
    dnnl_set_verbose(0);
    return testing::internal::GetCapturedStdout();
  }
  static void expect_said(const Problem& problem, int threads, bool loops) {
    SCOPED_TRACE(problem.workload().name() + ", " + std::to_string(threads) + " threads");
    Prepared prepared(onednn_attention(), problem, threads);
    EXPECT_THAT(prepared.plan().detail(), HasSubstr(loops ? "head after head" : "not fused"));
    EXPECT_THAT(log_of(prepared),
                HasSubstr(loops ? "sdp_decomp_kernel_t" : "larger_partition_kernel_t"));
  }
};

TEST_F(OnednnAttention, SaysWhetherTheLibraryLoopsOverHeads) {
  for (const char* dtype : {"f32", "bf16"}) {
    expect_said(prefill(dtype, 1, 2, 2, 70), 1, false);
    expect_said(prefill(dtype, 1, 3, 3, 70), 1, true);
    expect_said(prefill(dtype, 1, 4, 4, 70), 2, false);
    expect_said(prefill(dtype, 1, 5, 5, 70), 2, true);
    expect_said(prefill(dtype, 1, 4, 2, 70), 1, true);
    expect_said(prefill(dtype, 2, 2, 1, 70), 2, false);
  }
}

}  // namespace
}  // namespace ergon
