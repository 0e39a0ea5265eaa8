#include "bench/config/nearest.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

namespace ergon::config {
namespace {

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string nearest(std::string_view word, std::span<const std::string> candidates) {
  const auto closer = [word](const std::string& a, const std::string& b) {
    return distance(word, a) < distance(word, b);
  };
  const auto best = std::min_element(candidates.begin(), candidates.end(), closer);
  return best == candidates.end() ? std::string{} : *best;
}

std::string guess(std::string_view word, std::span<const std::string> candidates) {
  const std::string best = nearest(word, candidates);
  // Two letters, or a third of them, wrong is a typing mistake; more is another word.
  const bool near =
      !best.empty() && distance(word, best) <= std::max<std::size_t>(word.size() / 3, 2);
  return near ? "; did you mean '" + best + "'?" : "";
}

std::string did_you_mean(std::string_view word, std::span<const std::string> candidates) {
  if (std::string near = guess(word, candidates); !near.empty() || candidates.empty()) return near;
  std::string list;
  constexpr std::size_t shown = 12;
  for (std::size_t i = 0; i < candidates.size() && i < shown; ++i)
    list += (i == 0 ? "" : ", ") + candidates[i];
  return "; known: " + list + (candidates.size() > shown ? ", ..." : "");
}

}  // namespace ergon::config
