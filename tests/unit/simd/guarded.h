// Memory whose surroundings show what is written beside it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <vector>

namespace ergon::simd {

template <class T>
class Guarded {
 public:
  Guarded(int count, T value) : Guarded(std::vector<T>(static_cast<std::size_t>(count), value)) {}
  explicit Guarded(const std::vector<T>& values)
      : count_(values.size()), bytes_(2 * guard + count_ * sizeof(T), pattern) {
    if (count_ > 0) std::memcpy(bytes_.data() + guard, values.data(), count_ * sizeof(T));
  }
  T* data() { return reinterpret_cast<T*>(bytes_.data() + guard); }
  T operator[](int index) const { return values_at(static_cast<std::size_t>(index)); }
  std::vector<T> values() const {
    std::vector<T> list;
    for (std::size_t i = 0; i < count_; ++i) list.push_back(values_at(i));
    return list;
  }
  bool guards_hold() const {
    const auto is_guard = [](std::byte byte) { return byte == pattern; };
    return std::all_of(bytes_.begin(), bytes_.begin() + guard, is_guard) &&
           std::all_of(bytes_.end() - guard, bytes_.end(), is_guard);
  }

 private:
  T values_at(std::size_t index) const {
    T value;
    std::memcpy(&value, bytes_.data() + guard + index * sizeof(T), sizeof value);
    return value;
  }
  static constexpr std::ptrdiff_t guard = 64;
  static constexpr std::byte pattern{0x5a};
  std::size_t count_;
  std::vector<std::byte> bytes_;
};

}  // namespace ergon::simd
