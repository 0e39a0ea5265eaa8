#include "bench/report/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

namespace ergon::report {
namespace {

constexpr double coarse = 0.10;  // relative half-width from which two digits say enough

double half_width(const Estimate& estimate) {
  if (estimate.value == 0) return 0;
  return std::max(estimate.high - estimate.value, estimate.value - estimate.low) /
         std::abs(estimate.value);
}

/// `value` to `digits` significant digits without an exponent.
std::string significant(double value, int digits) {
  if (value == 0) return "0";
  int magnitude = static_cast<int>(std::floor(std::log10(std::abs(value))));
  const double step = std::pow(10.0, magnitude - digits + 1);
  const double rounded = std::round(value / step) * step;
  magnitude = static_cast<int>(std::floor(std::log10(std::abs(rounded)) + 1e-12));
  return fmt::format("{:.{}f}", rounded, std::max(0, digits - 1 - magnitude));
}

int digits_of(const Estimate& estimate) { return half_width(estimate) > coarse ? 2 : 3; }

/// Relative width in percent, rounded up: "0.4" below 10, whole above.
std::string rounded_up(double relative) {
  const double hundred = relative * 100;
  if (hundred <= 0) return "0";
  if (hundred < 10) {
    const double tenths = std::ceil(hundred * 10 - 1e-6);
    return fmt::format("{:.1f}", std::max(tenths, 1.0) / 10);
  }
  return fmt::format("{:.0f}", std::ceil(hundred - 1e-6));
}

struct Decoded {
  char32_t code;
  std::size_t bytes;
};

/// The character at the start of `text`; an invalid byte stands for itself.
Decoded decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const std::size_t bytes = first < 0x80       ? 1
                            : first >> 5 == 6  ? 2
                            : first >> 4 == 14 ? 3
                            : first >> 3 == 30 ? 4
                                               : 0;
  if (bytes == 0 || bytes > text.size()) return {0xFFFD, 1};
  char32_t code = bytes == 1 ? first : first & (0xFFu >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    if (byte(i) >> 6 != 2) return {0xFFFD, 1};
    code = code << 6 | (byte(i) & 0x3Fu);
  }
  return {code, bytes};
}

struct CodeRange {
  char32_t first, last;
};
// Unicode's zero-width and wide (UAX #11, W and F) blocks, as coarse as columns need.
constexpr std::array zero_width = {CodeRange{0x300, 0x36F}, CodeRange{0x200B, 0x200F},
                                   CodeRange{0x20D0, 0x20FF}, CodeRange{0xFE00, 0xFE0F}};
constexpr std::array double_width = {
    CodeRange{0x1100, 0x115F}, CodeRange{0x2E80, 0xA4CF},   CodeRange{0xAC00, 0xD7A3},
    CodeRange{0xF900, 0xFAFF}, CodeRange{0xFE30, 0xFE6F},   CodeRange{0xFF00, 0xFF60},
    CodeRange{0xFFE0, 0xFFE6}, CodeRange{0x1F300, 0x1FAFF}, CodeRange{0x20000, 0x3FFFD}};

template <std::size_t n>
bool within(const std::array<CodeRange, n>& ranges, char32_t code) {
  return std::ranges::any_of(ranges,
                             [&](CodeRange r) { return r.first <= code && code <= r.last; });
}

std::size_t cells_of(char32_t code) {
  return within(zero_width, code) ? 0 : within(double_width, code) ? 2 : 1;
}

/// The longest start of `text` of at most `cells`.
std::string_view head_of(std::string_view text, std::size_t cells) {
  std::size_t bytes = 0;
  for (std::size_t used = 0; bytes < text.size();) {
    const Decoded next = decode(text.substr(bytes));
    used += cells_of(next.code);
    if (used > cells) break;
    bytes += next.bytes;
  }
  return text.substr(0, bytes);
}

}  // namespace

std::string si(const Estimate& estimate, std::string_view unit) {
  static constexpr std::array<std::string_view, 15> prefixes = {
      "a", "f", "p", "n", "µ", "m", "", "k", "M", "G", "T", "P", "E", "Z", "Y"};
  constexpr int none = 6;
  const double size = std::abs(estimate.value);
  int thousands = size == 0 ? 0 : static_cast<int>(std::floor(std::log10(size) / 3));
  const int digits = digits_of(estimate);
  // 999.7 rounds to 1000, which belongs to the next prefix.
  if (size != 0 && std::round(size / std::pow(1000.0, thousands)) >= 1000) ++thousands;
  thousands = std::clamp(thousands, -none, static_cast<int>(prefixes.size()) - 1 - none);
  const int at = thousands + none;
  const std::string tail = std::string(prefixes[static_cast<std::size_t>(at)]) + std::string(unit);
  const std::string number = significant(estimate.value / std::pow(1000.0, thousands), digits);
  return tail.empty() ? number : number + " " + tail;
}

std::string percent(const Estimate& estimate) {
  return significant(estimate.value * 100, digits_of(estimate)) + " %";
}

std::string plain(const Estimate& estimate) {
  return significant(estimate.value, digits_of(estimate));
}

std::string relative_error(double value) {
  constexpr double least_percent = 1e-5;
  return value == 0 || value >= least_percent ? significant(value * 100, 2) + " %"
                                              : fmt::format("{:.1e}", value);
}

std::string spread(const Estimate& estimate) {
  if (estimate.low == estimate.high || estimate.value == 0) return {};
  const double below = (estimate.value - estimate.low) / std::abs(estimate.value);
  const double above = (estimate.high - estimate.value) / std::abs(estimate.value);
  const bool lopsided = std::max(below, above) > 1.5 * std::min(below, above);
  if (lopsided && std::max(below, above) > 0.01)
    return fmt::format("-{}/+{}%", rounded_up(below), rounded_up(above));
  return fmt::format("±{}%", rounded_up(std::max(below, above)));
}

std::string superscript(std::size_t number) {
  static constexpr std::array<std::string_view, 10> digits = {"⁰", "¹", "²", "³", "⁴",
                                                              "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string text;
  for (const char c : std::to_string(number)) text += digits[static_cast<std::size_t>(c - '0')];
  return text;
}

std::string printable(std::string_view text) {
  std::string clean;
  for (std::size_t i = 0; i < text.size();) {
    const Decoded next = decode(text.substr(i));
    const bool control = next.code < 0x20 || (next.code >= 0x7F && next.code < 0xA0) ||
                         (next.code >= 0x202A && next.code <= 0x202E);
    clean += control ? " " : next.code == 0xFFFD ? "\uFFFD" : text.substr(i, next.bytes);
    i += next.bytes;
  }
  return clean;
}

std::size_t width(std::string_view text) {
  std::size_t cells = 0;
  for (std::size_t i = 0; i < text.size();) {
    const Decoded next = decode(text.substr(i));
    cells += cells_of(next.code);
    i += next.bytes;
  }
  return cells;
}

std::string shortened(std::string_view text, std::size_t cells) {
  if (width(text) <= cells) return std::string(text);
  const std::size_t tail_cells = (cells - 1) / 2;
  std::string_view tail = text;
  while (width(tail) > tail_cells) tail.remove_prefix(decode(tail).bytes);
  return std::string(head_of(text, cells - 1 - tail_cells)) + "…" + std::string(tail);
}

std::string pad_right(std::string text, std::size_t cells) {
  const std::size_t used = width(text);
  if (used < cells) text.append(cells - used, ' ');
  return text;
}

std::string pad_left(std::string text, std::size_t cells) {
  const std::size_t used = width(text);
  return used < cells ? std::string(cells - used, ' ') + text : text;
}

std::vector<std::string> wrap(std::string_view text, std::size_t cells) {
  std::vector<std::string> lines(1);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (word.empty()) continue;
    if (!lines.back().empty() && width(lines.back()) + 1 + width(word) > cells)
      lines.emplace_back();
    if (!lines.back().empty()) lines.back() += ' ';
    lines.back() += word;
  }
  return lines;
}

std::vector<std::string> aligned(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  }
  std::vector<std::string> lines;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) line += pad_right(row[i], widths[i]) + "  ";
    line.erase(line.find_last_not_of(' ') + 1);
    lines.push_back(std::move(line));
  }
  return lines;
}

std::string join(const std::vector<std::string>& parts, std::string_view between) {
  return fmt::format("{}", fmt::join(parts, between));
}

}  // namespace ergon::report
