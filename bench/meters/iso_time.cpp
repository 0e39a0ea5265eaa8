#include "bench/meters/iso_time.h"

#include <chrono>
#include <cmath>

namespace ergon {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Takes fields off the front of a text.
class Taker {
 public:
  explicit Taker(std::string_view text) : rest(text) {}
  /// Exactly `digits` digits, else -1.
  int number(std::size_t digits) {
    if (rest.size() < digits) return -1;
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      if (!is_digit(rest[i])) return -1;
      value = 10 * value + (rest[i] - '0');
    }
    rest.remove_prefix(digits);
    return value;
  }
  bool any_of(std::string_view characters) {
    if (rest.empty() || characters.find(rest.front()) == std::string_view::npos) return false;
    rest.remove_prefix(1);
    return true;
  }
  std::string_view rest;
};

constexpr std::size_t most_decimals = 9;

/// ".123": false where no digit follows.
bool take_fraction(Taker& text, Moment& moment) {
  if (!text.any_of(".,")) return true;
  double scale = 1;
  std::size_t digits = 0;
  for (; !text.rest.empty() && is_digit(text.rest.front()); ++digits) {
    scale /= 10;
    if (digits < most_decimals) {
      moment.utc_seconds += scale * (text.rest.front() - '0');
      moment.resolution_seconds = scale;
    }
    text.rest.remove_prefix(1);
  }
  return digits > 0;
}

}  // namespace

std::optional<double> zone_seconds_from(std::string_view text) noexcept {
  if (text == "Z" || text == "z") return 0.0;
  Taker taker(text);
  const bool east = text.starts_with('+');
  if (!taker.any_of("+-")) return std::nullopt;
  int hours = taker.number(2);
  if (hours < 0) hours = taker.number(1);
  int minutes = 0;
  if (!taker.rest.empty()) {
    taker.any_of(":");
    minutes = taker.number(2);
  }
  if (hours < 0 || hours > 15 || minutes < 0 || minutes > 59 || !taker.rest.empty())
    return std::nullopt;
  return (east ? 1 : -1) * (hours * 3600.0 + minutes * 60.0);
}

std::optional<Moment> moment_from(std::string_view text) noexcept {
  using namespace std::chrono;
  Taker taker(text);
  const int y = taker.number(4);
  bool right = taker.any_of("-");
  const int m = taker.number(2);
  right = taker.any_of("-") && right;
  const int d = taker.number(2);
  right = taker.any_of("Tt ") && right;
  const int hour = taker.number(2);
  right = taker.any_of(":") && right;
  const int minute = taker.number(2);
  if (!right || y < 1970 || m < 1 || d < 1 || hour < 0 || hour > 23 || minute < 0 || minute > 59)
    return std::nullopt;
  const year_month_day date{year(y), month(static_cast<unsigned>(m)),
                            day(static_cast<unsigned>(d))};
  if (!date.ok()) return std::nullopt;
  Moment moment;
  if (taker.any_of(":")) {
    const int second = taker.number(2);
    if (second < 0 || second > 60) return std::nullopt;
    moment.utc_seconds = second;
    if (!take_fraction(taker, moment)) return std::nullopt;
  } else {
    moment.resolution_seconds = 60;
  }
  moment.utc_seconds += static_cast<double>(sys_days(date).time_since_epoch().count()) * 86400.0 +
                        hour * 3600.0 + minute * 60.0;
  if (taker.rest.empty()) return moment;
  const auto zone = zone_seconds_from(taker.rest);
  if (!zone) return std::nullopt;
  moment.has_zone = true;
  moment.utc_seconds -= *zone;
  return moment;
}

}  // namespace ergon
