#include "bench/record/ceiling_share.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "bench/record/lookup.h"
#include "bench/stats/stats.h"

namespace ergon::record {
namespace {

using Round = std::pair<int, int>;  // launch, round

bool is_flops(std::string_view what) { return what == "flops"; }

double work_of(const Row& row, std::string_view what) {
  return is_flops(what) ? row.work.flops : row.work.bytes;
}

bool measures(const Row& row, const Ceiling& ceiling) {
  return std::any_of(row.workload.begin(), row.workload.end(), [&](const auto& pair) {
    const auto* value = std::get_if<std::string>(&pair.second);
    return pair.first == "what" && value && ceiling_name(*value) == ceiling.what;
  });
}

/// Work per second in each round; of a round with several windows, the last.
std::map<Round, double> rates(const Row& row, std::string_view what) {
  std::map<Round, double> all;
  for (const TimeSample& sample : row.samples)
    if (sample.seconds > 0)
      all[{sample.launch, sample.round}] =
          work_of(row, what) * static_cast<double>(sample.calls) / sample.seconds;
  return all;
}

}  // namespace

const Row* row_of(const Document& document, const Device& device, const Ceiling& ceiling) {
  for (const Row& row : document.rows)
    if (is_ceiling(row) && row.device == device.id && row.threads == ceiling.threads &&
        measures(row, ceiling) && (!is_flops(ceiling.what) || products_of(row) == ceiling.dtype))
      return &row;
  return nullptr;
}

Maybe<CeilingShare> ceiling_share(const Document& document, const Row& row, std::string_view what) {
  const Device* device = find_device(document, row.device);
  const Ceiling* ceiling = find_ceiling(document, row, what);
  if (!device || !ceiling) return Absent{"no such ceiling was measured"};
  if (!ceiling->value_per_second) return Absent{ceiling->value_per_second.reason()};
  const Row* bound = row_of(document, *device, *ceiling);
  if (!bound) return Absent{"the record does not hold the ceiling's row"};

  const std::map<Round, double> limits = rates(*bound, what);
  std::map<int, std::vector<double>> by_launch;
  double fastest = 0;
  for (const auto& [round, rate] : rates(row, what)) {
    const auto limit = limits.find(round);
    if (limit == limits.end() || !std::isfinite(rate / limit->second)) continue;
    by_launch[round.first].push_back(rate / limit->second);
    fastest = std::max(fastest, limit->second);
  }
  std::vector<std::vector<double>> launches;
  for (auto& [launch, shares] : by_launch) launches.push_back(std::move(shares));
  const auto share = stats::launch_interval(launches);
  if (!share) return Absent{"too few rounds hold both the row and its ceiling"};
  return CeilingShare{{share->median, std::min(share->median, share->interval.low),
                       std::max(share->median, share->interval.high)},
                      fastest};
}

}  // namespace ergon::record
