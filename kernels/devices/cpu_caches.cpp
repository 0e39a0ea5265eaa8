#include "kernels/devices/cpu_caches.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>

namespace ergon {
namespace {

std::string first_word(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::string word;
  in >> word;
  return word;
}

template <class T>
std::optional<T> leading_number(std::string_view text, std::string_view* rest = nullptr) noexcept {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  if (rest != nullptr) *rest = text.substr(static_cast<std::size_t>(end - text.data()));
  return value;
}

// "48K", "2048K", "32M"
std::optional<std::size_t> size_in_bytes(std::string_view text) noexcept {
  std::string_view unit;
  const auto number = leading_number<std::size_t>(text, &unit);
  if (!number) return std::nullopt;
  if (unit.empty()) return *number;
  if (unit == "K") return *number << 10;
  if (unit == "M") return *number << 20;
  if (unit == "G") return *number << 30;
  return std::nullopt;
}

std::optional<CpuCache> read_cache(const std::filesystem::path& folder) {
  if (first_word(folder / "type") == "Instruction") return std::nullopt;
  const auto level = leading_number<int>(first_word(folder / "level"));
  const auto bytes = size_in_bytes(first_word(folder / "size"));
  if (!level || !bytes) return std::nullopt;
  const int sharing = count_in_list(first_word(folder / "shared_cpu_list"));
  return CpuCache{*level, *bytes, std::max(sharing, 1)};
}

}  // namespace

int count_in_list(std::string_view list) noexcept {
  int count = 0;
  while (!list.empty()) {
    const auto first = leading_number<int>(list, &list);
    auto last = first;
    if (first && list.starts_with('-')) last = leading_number<int>(list.substr(1), &list);
    if (!last || *last < *first) return 0;
    count += *last - *first + 1;
    if (!list.empty() && list.front() != ',') return 0;
    if (!list.empty()) list.remove_prefix(1);
  }
  return count;
}

std::vector<CpuCache> read_caches(const std::string& sysfs) {
  const std::filesystem::path folder(sysfs + "/devices/system/cpu/cpu0/cache");
  std::vector<CpuCache> caches;
  std::error_code unreadable;
  for (const auto& entry : std::filesystem::directory_iterator(folder, unreadable))
    if (entry.path().filename().string().starts_with("index"))
      if (const auto cache = read_cache(entry.path())) caches.push_back(*cache);
  std::sort(caches.begin(), caches.end(), [](const CpuCache& a, const CpuCache& b) {
    return std::pair(a.level, a.bytes) < std::pair(b.level, b.bytes);
  });
  return caches;
}

}  // namespace ergon
