#include "bench/measure/stopping.h"

#include <algorithm>
#include <limits>
#include <map>

#include "bench/stats/stats.h"

namespace ergon::measure {
namespace {

constexpr double unknown = std::numeric_limits<double>::infinity();

std::map<int, double> by_round(const Member& member) {
  std::map<int, double> out;
  for (const auto& sample : member.row.samples)
    out[sample.round] = sample.seconds / static_cast<double>(sample.calls);
  return out;
}

double interval_of_ratio(const Member& base, const Member& fresh) {
  const auto base_rounds = by_round(base), fresh_rounds = by_round(fresh);
  std::vector<double> a, b;
  for (const auto& [round, seconds] : base_rounds) {
    const auto other = fresh_rounds.find(round);
    if (other == fresh_rounds.end()) continue;
    a.push_back(seconds);
    b.push_back(other->second);
  }
  return ratio_interval(a, b);
}

bool differ_in_implementation_only(const Member& a, const Member& b) {
  return a.what().device == b.what().device && a.what().threads == b.what().threads;
}

}  // namespace

double widest_interval(std::span<Member* const> members) {
  double worst = 0;
  for (const Member* member : members)
    if (member->usable()) worst = std::max(worst, member->relative_interval());
  return worst;
}

double widest_ratio(std::span<Member* const> members) {
  double worst = 0;
  for (std::size_t i = 0; i < members.size(); ++i)
    for (std::size_t j = i + 1; j < members.size(); ++j)
      if (members[i]->usable() && members[j]->usable() &&
          differ_in_implementation_only(*members[i], *members[j]))
        worst = std::max(worst, interval_of_ratio(*members[i], *members[j]));
  return worst;
}

double ratio_interval(std::span<const double> base, std::span<const double> fresh) {
  const auto ratio = stats::paired_ratio(base, fresh);
  if (!ratio) return unknown;
  return std::max(ratio->high - ratio->value, ratio->value - ratio->low) / ratio->value;
}

}  // namespace ergon::measure
