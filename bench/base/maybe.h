// A value, or the reason why there is none. Absent is never zero.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>
#include <variant>

namespace ergon {

struct Absent {
  std::string reason;
  friend bool operator==(const Absent&, const Absent&) = default;
};

template <class T>
class Maybe {
 public:
  Maybe(T value) : content_(std::move(value)) {}         // NOLINT(google-explicit-constructor)
  Maybe(Absent absent) : content_(std::move(absent)) {}  // NOLINT(google-explicit-constructor)
  Maybe() : content_(Absent{"not given"}) {}

  bool has_value() const noexcept { return content_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }
  /// Throws std::logic_error with the reason where there is no value.
  const T& value() const {
    if (!has_value()) throw std::logic_error("absent value used: " + reason());
    return std::get<0>(content_);
  }
  const T& operator*() const { return value(); }
  const T* operator->() const { return &value(); }
  T value_or(T other) const { return has_value() ? std::get<0>(content_) : std::move(other); }
  /// Empty where there is a value.
  const std::string& reason() const noexcept {
    static const std::string none;
    return has_value() ? none : std::get<1>(content_).reason;
  }
  friend bool operator==(const Maybe&, const Maybe&) = default;

 private:
  std::variant<T, Absent> content_;
};

}  // namespace ergon
