// Operands whose offsets pass 2^31 elements, in memory that is reserved but hardly touched.

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>

#include "kernels/devices/cpu.h"
#include "kernels/gemm/native_loop.h"

namespace ergon {
namespace {

class Reserved {
 public:
  explicit Reserved(std::size_t bytes) : bytes_(bytes) {
    void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at != MAP_FAILED) data_ = static_cast<std::byte*>(at);
  }
  ~Reserved() {
    if (data_ != nullptr) munmap(data_, bytes_);
  }
  Reserved(const Reserved&) = delete;
  Reserved& operator=(const Reserved&) = delete;
  std::byte* data() const { return data_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t bytes_;
};

TEST(NativeGemm, ReachesPastTwoToThe31Elements) {
  constexpr std::int64_t ld = (std::int64_t{1} << 31) + 77, m = 15, n = 5, k = 3;
  FieldMap fields{{"m", m},
                  {"n", n},
                  {"k", k},
                  {"lda", ld},
                  {"ldb", ld},
                  {"ldc", ld / 4},
                  {"dtype", std::string("s8")}};
  const auto workload = gemm_family().make(fields);
  const auto& gemm = dynamic_cast<const Gemm&>(*workload);
  const NativeShape shape(gemm);
  Reserved a(static_cast<std::size_t>(m * ld)), b(static_cast<std::size_t>(k * ld)),
      c(static_cast<std::size_t>(m * ld));
  if (a.data() == nullptr || b.data() == nullptr || c.data() == nullptr)
    GTEST_SKIP() << "the system reserves no 70 GB of addresses";
  const auto value = [](std::int64_t i, std::int64_t j) {
    return static_cast<std::int8_t>(7 * i - 5 * j + 1);
  };
  for (std::int64_t p = 0; p < k; ++p) {
    for (std::int64_t i = 0; i < m; ++i) a.data()[i * ld + p] = std::byte(value(i, p));
    for (std::int64_t j = 0; j < n; ++j) b.data()[p * ld + j] = std::byte(value(p, j));
  }
  for (const NativePacking packing : {NativePacking::once, NativePacking::per_call}) {
    const NativeLoop loop(
        shape, simd::best_tile_set(shape.product, simd::best_isa(cpu_info()), cpu_info()), packing,
        2);
    HostMemory packed(loop.packed_bytes() + 64), workspace(loop.workspace_bytes());
    if (packing == NativePacking::once) loop.pack_once(b.data(), packed.data());
    loop.run(a.data(), b.data(), packing == NativePacking::once ? packed.data() : nullptr, c.data(),
             workspace.data());
    for (std::int64_t i = 0; i < m; ++i)
      for (std::int64_t j = 0; j < n; ++j) {
        std::int32_t expected = 0, got = 0;
        for (std::int64_t p = 0; p < k; ++p) expected += value(i, p) * value(p, j);
        std::memcpy(&got, c.data() + 4 * (i * (ld / 4) + j), 4);
        EXPECT_EQ(got, expected) << i << "," << j;
      }
  }
}

}  // namespace
}  // namespace ergon
