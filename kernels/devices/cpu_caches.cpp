#include "kernels/devices/cpu_caches.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <utility>

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

struct Instance {
  CpuCache cache;
  std::string sharers;
};

std::optional<Instance> read_cache(const std::filesystem::path& folder) {
  if (first_word(folder / "type") == "Instruction") return std::nullopt;
  const auto level = leading_number<int>(first_word(folder / "level"));
  const auto bytes = size_in_bytes(first_word(folder / "size"));
  if (!level || !bytes) return std::nullopt;
  const std::string sharers = first_word(folder / "shared_cpu_list");
  return Instance{{*level, *bytes, std::max(count_in_list(sharers), 1)}, sharers};
}

using LevelAndSize = std::pair<int, std::size_t>;

struct SameSize {
  std::set<std::string> sharers;  // of each instance
  int shared_by = 1;
};

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

std::vector<CpuCache> read_caches(const std::string& sysfs, const std::vector<int>& processors) {
  std::map<LevelAndSize, SameSize> found;
  for (const int processor : processors) {
    const std::filesystem::path folder(sysfs + "/devices/system/cpu/cpu" +
                                       std::to_string(processor) + "/cache");
    std::error_code unreadable;
    for (const auto& entry : std::filesystem::directory_iterator(folder, unreadable)) {
      if (!entry.path().filename().string().starts_with("index")) continue;
      const auto instance = read_cache(entry.path());
      if (!instance) continue;
      SameSize& same = found[{instance->cache.level, instance->cache.bytes}];
      same.sharers.insert(instance->sharers);
      same.shared_by = std::max(same.shared_by, instance->cache.shared_by);
    }
  }
  std::vector<CpuCache> caches;
  for (const auto& [key, same] : found)
    caches.push_back(
        {key.first, key.second, same.shared_by, static_cast<int>(same.sharers.size())});
  return caches;
}

}  // namespace ergon
