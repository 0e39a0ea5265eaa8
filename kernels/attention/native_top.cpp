#include "kernels/attention/native_top.h"

#include <array>
#include <bit>

namespace ergon {
namespace {

/// Orders as the floats do.
std::uint32_t ordered(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return bits >> 31 != 0 ? ~bits : bits | 0x80000000U;
}

}  // namespace

void TopSelection::select(const float* scores, std::int64_t count, std::int64_t k,
                          std::int32_t* to) {
  keys_.resize(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) keys_[static_cast<std::size_t>(i)] = ordered(scores[i]);

  // The k-th highest, digit by digit: `above` are those with higher leading digits.
  constexpr int digit_bits = 11;
  std::uint32_t threshold = 0, known = 0;  // known: mask of the leading digits
  std::int64_t above = 0;
  for (int shift = 32 - digit_bits; known != 0xffffffffU; shift -= digit_bits) {
    const int low = shift < 0 ? 0 : shift;
    const auto digit =
        static_cast<std::uint32_t>((std::uint64_t{1} << (shift + digit_bits - low)) - 1);
    std::array<std::int64_t, std::size_t{1} << digit_bits> counts{};
    for (const std::uint32_t key : keys_)
      if (((key ^ threshold) & known) == 0) ++counts[(key >> low) & digit];
    std::uint32_t at = digit;
    while (above + counts[at] < k) above += counts[at--];
    threshold |= at << low;
    known |= digit << low;
  }

  std::int64_t equal = k - above;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint32_t key = keys_[static_cast<std::size_t>(i)];
    if (key > threshold || (key == threshold && equal-- > 0)) *to++ = static_cast<std::int32_t>(i);
  }
}

}  // namespace ergon
