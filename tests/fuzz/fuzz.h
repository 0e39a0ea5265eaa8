// What the fuzz targets share: how a finding is told, and values drawn from an input's bytes.
//
// A target is `LLVMFuzzerTestOneInput`, of libFuzzer in the preset `fuzz`; elsewhere driver.cpp
// calls it. A finding is a sanitizer's report or an exception that leaves the target.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

extern "C" {
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
/// Of a target that knows better than to change bytes: changes `data` and returns its new size, at
/// most `most`.
std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most,
                                    unsigned seed);
}

namespace ergon::fuzz {

/// `says` is a function: a text for every check would take longer than what is checked.
template <class Says>
void expect(bool holds, Says&& says) {
  if (!holds) throw std::logic_error(says());
}

/// Values by the bytes of an input, in their order; beyond them by a generator that all of them
/// have seeded, so that a short input fills a large matrix.
class Choices {
 public:
  Choices(const std::uint8_t* data, std::size_t size) : given_(data, size) {
    std::uint32_t hash = 2166136261U;  // FNV-1a
    for (const std::uint8_t byte : given_) hash = (hash ^ byte) * 16777619U;
    beyond_.seed(hash + 1);
  }

  std::uint8_t byte() {
    if (at_ < given_.size()) return given_[at_++];
    return static_cast<std::uint8_t>(beyond_() >> 11U);
  }
  /// Of at most 256.
  int below(int limit) { return byte() % limit; }
  template <class Item>
  const Item& of(const std::vector<Item>& items) {
    return items[static_cast<std::size_t>(below(static_cast<int>(items.size())))];
  }
  /// All sorts, or many of one sort.
  void fill(std::span<std::byte> bytes) {
    const int kind = below(4);
    for (std::byte& to : bytes)
      to = std::byte(kind == 0 ? 0 : kind == 1 ? 0xff : kind == 2 ? below(4) * 85 : byte());
    for (int i = below(4); i > 0 && !bytes.empty(); --i)
      bytes[word() % bytes.size()] = std::byte{byte()};
  }
  std::uint32_t word() {
    std::uint32_t bits = 0;
    for (int i = 0; i < 4; ++i) bits = bits << 8U | byte();
    return bits;
  }
  float finite_float() {
    const auto value = std::bit_cast<float>(word());
    return std::isfinite(value) ? value : 0;
  }
  /// -8 to 8, times 2^exponent.
  float float_of(int exponent) {
    const int high = byte();
    return static_cast<float>(std::ldexp(high * 256 + byte() - 32768, exponent - 12));
  }

 private:
  std::span<const std::uint8_t> given_;
  std::size_t at_ = 0;
  std::minstd_rand beyond_;
};

/// A mutator of texts: takes out, doubles, replaces or puts in a piece. Returns the new size.
inline std::size_t change_text(std::uint8_t* data, std::size_t size, std::size_t most,
                               unsigned seed, std::span<const char* const> pieces) {
  std::minstd_rand random(seed + 1);
  const auto below = [&](std::size_t limit) { return random() % std::max<std::size_t>(1, limit); };
  std::string text(reinterpret_cast<const char*>(data), size);
  const std::size_t at = below(text.size() + 1);
  const std::size_t length = std::min(text.size() - at, below(12));
  switch (below(5)) {
    case 0:
      text.erase(at, length);
      break;
    case 1:
      text.insert(at, text.substr(below(text.size() + 1), below(40)));
      break;
    case 2:
      text.replace(at, length, pieces[below(pieces.size())]);
      break;
    case 3:
      text.insert(at, pieces[below(pieces.size())]);
      break;
    default:
      text.insert(at, 1, static_cast<char>(below(256)));
  }
  size = std::min(text.size(), most);
  std::copy_n(text.begin(), size, reinterpret_cast<char*>(data));
  return size;
}

}  // namespace ergon::fuzz
