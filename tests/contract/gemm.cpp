// Every GEMM implementation that this machine can run, over awkward workloads.
#include "kernels/gemm/gemm.h"

#include "tests/contract/implementations.h"

namespace ergon {
namespace {

using std::string;

FieldMap sizes(std::int64_t m, std::int64_t n, std::int64_t k, FieldMap more = {}) {
  more.insert({{"m", m}, {"n", n}, {"k", k}});
  return more;
}

// Without dtype; the last entries hold what integers do not take.
std::vector<FieldMap> awkward_workloads() {
  const std::int64_t zero = 0, three = 3;
  const FieldValue col = string("col");
  return {
      sizes(1, 1, 1),
      sizes(1, 1, 257),
      sizes(2, 3, 0),
      sizes(2, 3, zero, {{"beta", 1.0}}),
      sizes(1, 64, 64),
      sizes(64, 1, 64),
      sizes(17, 19, 23),
      sizes(97, 101, 103),
      sizes(64, 64, 64, {{"beta", 1.0}}),
      sizes(17, 19, 23, {{"transpose_a", true}}),
      sizes(17, 19, 23, {{"transpose_b", true}}),
      sizes(17, 19, 23, {{"transpose_a", true}, {"transpose_b", true}, {"beta", 1.0}}),
      sizes(17, 19, 23, {{"layout", col}}),
      sizes(17, 19, 23, {{"layout", col}, {"transpose_a", true}, {"beta", 1.0}}),
      sizes(17, 19, 23, {{"layout", col}, {"transpose_b", true}}),
      sizes(13, 7, 29,
            {{"lda", std::int64_t{37}}, {"ldb", std::int64_t{11}}, {"ldc", std::int64_t{10}}}),
      sizes(13, 7, 29,
            {{"layout", col},
             {"lda", std::int64_t{16}},
             {"ldb", std::int64_t{32}},
             {"ldc", std::int64_t{14}},
             {"beta", 1.0}}),
      sizes(5, 6, 7, {{"batch", three}}),
      sizes(5, 6, 7,
            {{"batch", three},
             {"layout", col},
             {"ldc", std::int64_t{9}},
             {"transpose_a", true},
             {"beta", 1.0}}),
      sizes(1, 33, 65, {{"batch", three}, {"transpose_b", true}}),
      sizes(17, 19, 23, {{"alpha", 0.5}, {"beta", -1.25}}),
      sizes(17, 19, 23, {{"alpha", 0.1}}),
      sizes(17, 19, 23, {{"alpha", zero}, {"beta", 2.0}}),
      sizes(17, 19, 23, {{"alpha", 0.0}}),
      sizes(5, 6, 7,
            {{"batch", three},
             {"layout", col},
             {"alpha", -2.0},
             {"beta", 0.5},
             {"ldc", std::int64_t{11}}}),
  };
}

Problems problems(const string& dtype) {
  Problems list;
  for (FieldMap fields : awkward_workloads()) {
    fields.insert({"dtype", dtype});
    try {
      list.emplace_back(gemm_family(), gemm_family().make(fields));
    } catch (const InvalidField&) {  // alpha and beta that integers do not take
    }
  }
  return list;
}

INSTANTIATE_TEST_SUITE_P(Gemm, ImplementationContract,
                         testing::ValuesIn(cases(gemm_family(), "dtype", problems)), label);

}  // namespace
}  // namespace ergon
