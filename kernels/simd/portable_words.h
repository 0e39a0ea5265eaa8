// Words in arrays, for any processor: the compiler makes of them what it can.
#pragma once

#include <cstring>

#include "kernels/simd/pack_loop.h"

namespace ergon::simd {
namespace {

template <class Word, int count>
struct PortableWords {
  struct Words {
    Word word[count];
  };
  static constexpr int lanes = count;

  static Words read(const std::byte* from, int bytes) {
    Words words{};
    std::memcpy(&words, from, static_cast<std::size_t>(bytes));
    return words;
  }
  static void write(std::byte* to, const Words& words, int written) {
    std::memcpy(to, &words, static_cast<std::size_t>(written) * sizeof(Word));
  }
  template <int element>
  static Words spread(const std::byte* from, int present) {
    Words words{};
    for (std::int64_t i = 0; i < present; ++i)
      std::memcpy(&words.word[i], from + i * element, element);
    return words;
  }
  static Words either(const Words& a, const Words& b) {
    Words words;
    for (int i = 0; i < count; ++i) words.word[i] = a.word[i] | b.word[i];
    return words;
  }
  template <int bits>
  static Words up(const Words& a) {
    Words words;
    for (int i = 0; i < count; ++i) words.word[i] = a.word[i] << bits;
    return words;
  }
  static void transpose(Words (&x)[count]) {
    for (int i = 0; i < count; ++i)
      for (int j = 0; j < i; ++j) std::swap(x[i].word[j], x[j].word[i]);
  }
};

}  // namespace
}  // namespace ergon::simd
