// Every window has its place: rounds are numbered without a gap over the run, positions without a
// gap in a round, and windows follow each other in time in that order. So one that was taken out
// leaves a hole, and one that was put in has no room.

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <span>

#include "bench/record/verify_parts.h"

namespace ergon::record {
namespace {

constexpr double clock_slack_seconds = 1e-6;  // of differences of a clock read in nanoseconds

struct Window {
  std::size_t row;
  std::size_t sample;
  int round;
  int position;
  double start, end;
};

using Windows = std::vector<Window>;

std::map<int, Windows> by_launch(const Document& document) {
  std::map<int, Windows> launches;
  for (std::size_t r = 0; r < document.rows.size(); ++r) {
    const auto& samples = document.rows[r].samples;
    for (std::size_t s = 0; s < samples.size(); ++s)
      launches[samples[s].launch].push_back({r, s, samples[s].round, samples[s].position,
                                             samples[s].start_seconds,
                                             samples[s].start_seconds + samples[s].seconds});
  }
  for (auto& [launch, windows] : launches)
    std::sort(windows.begin(), windows.end(), [](const Window& a, const Window& b) {
      return std::pair(a.round, a.position) < std::pair(b.round, b.position);
    });
  return launches;
}

std::string place(const Document& document, const Window& window) {
  return row_place(document, window.row, "/time/samples/" + std::to_string(window.sample));
}

std::string round_text(int launch, int round) {
  return "round " + std::to_string(round) + " of launch " + std::to_string(launch);
}

void check_order(const Document& document, const Windows& windows, Findings& findings) {
  for (std::size_t i = 1; i < windows.size(); ++i)
    if (windows[i].start < windows[i - 1].end - clock_slack_seconds)
      findings.push_back({place(document, windows[i]),
                          "starts before the window ahead of it in round and position has ended"});
}

void check_overlap(const Document& document, int launch, const Windows& windows,
                   Findings& findings) {
  struct Span {
    double start, end;
    std::string where;
  };
  std::vector<Span> spans;
  for (const Window& w : windows) spans.push_back({w.start, w.end, ""});
  for (std::size_t b = 0; b < document.run.beacons.size(); ++b) {
    const Beacon& beacon = document.run.beacons[b];
    if (beacon.launch == launch)
      spans.push_back({beacon.start_seconds, beacon.start_seconds + beacon.seconds,
                       "/run/beacons/" + std::to_string(b)});
  }
  for (std::size_t r = 0; r < document.rows.size(); ++r) {
    const Row& row = document.rows[r];
    if (!row.energy) continue;
    for (std::size_t s = 0; s < row.energy->samples.size(); ++s) {
      const EnergySample& sample = row.energy->samples[s];
      if (sample.launch == launch)
        spans.push_back({sample.start_seconds, sample.start_seconds + sample.seconds,
                         row_place(document, r, "/energy/samples/" + std::to_string(s))});
    }
  }
  std::sort(spans.begin(), spans.end(),
            [](const Span& a, const Span& b) { return a.start < b.start; });
  for (std::size_t i = 1; i < spans.size(); ++i) {
    if (spans[i].start >= spans[i - 1].end - clock_slack_seconds) continue;
    const std::string& where = spans[i].where.empty() ? spans[i - 1].where : spans[i].where;
    if (!where.empty()) findings.push_back({where, "overlaps another window of its launch"});
  }
}

/// Rows that failed while timed leave their place empty, once each.
class Excuses {
 public:
  Excuses(const Document& document, int launch) : document_(document), launch_(launch) {}
  /// True for a failed row whose last window is that of the round before, or that has none.
  bool take(int round) {
    for (std::size_t r = 0; r < document_.rows.size(); ++r) {
      if (document_.rows[r].status != "failed" || used_.contains(r)) continue;
      int last = -1;
      for (const TimeSample& sample : document_.rows[r].samples)
        if (sample.launch == launch_) last = std::max(last, sample.round);
      if (last >= 0 && last != round - 1) continue;
      used_.insert(r);
      return true;
    }
    return false;
  }

 private:
  const Document& document_;
  int launch_;
  std::set<std::size_t> used_;
};

/// `windows` of one round, in the order of their positions.
void check_positions(const Document& document, int launch, std::span<const Window> windows,
                     Excuses& excuses, Findings& findings) {
  const std::string round = round_text(launch, windows.front().round);
  std::set<std::size_t> rows;
  int next = 0;
  for (const Window& window : windows) {
    if (!rows.insert(window.row).second)
      findings.push_back({place(document, window), "a second window of this row in " + round});
    if (window.position < next)
      findings.push_back({place(document, window), "shares its position in " + round});
    while (next < window.position && excuses.take(window.round)) ++next;
    if (next < window.position)
      findings.push_back({place(document, window),
                          "no window has position " + std::to_string(next) + " of " + round});
    next = std::max(next, window.position + 1);
  }
}

/// `expected` is the launch's first round; returns the next launch's.
int check_rounds(const Document& document, int launch, int expected, const Windows& windows,
                 Findings& findings) {
  Excuses excuses(document, launch);
  for (std::size_t first = 0; first < windows.size();) {
    const int round = windows[first].round;
    std::size_t last = first;
    while (last < windows.size() && windows[last].round == round) ++last;
    if (round < expected)
      findings.push_back({place(document, windows[first]),
                          round_text(launch, round) + " was already in an earlier launch"});
    while (expected < round && excuses.take(expected)) ++expected;
    if (expected < round)
      findings.push_back({place(document, windows[first]),
                          "no window of round " + std::to_string(expected) + " before it"});
    check_positions(document, launch, std::span(windows).subspan(first, last - first), excuses,
                    findings);
    expected = std::max(expected, round + 1);
    first = last;
  }
  return expected;
}

using RoundSet = std::set<int>;

/// Rounds of a row in a launch.
RoundSet rounds_of(const Row& row, int launch) {
  RoundSet rounds;
  for (const TimeSample& sample : row.samples)
    if (sample.launch == launch) rounds.insert(sample.round);
  return rounds;
}

bool measured_without_fault(const Row& row) {
  return row.status == "ok" || row.status == "noisy" || row.status == "impossible";
}

/// Rounds by the block that was measured in them; -1: ceilings alone.
std::map<int, RoundSet> rounds_of_blocks(const Document& document, const Windows& windows) {
  std::map<int, int> block_of;
  for (const Window& window : windows) {
    int& block = block_of.emplace(window.round, -1).first->second;
    block = std::max(block, document.rows[window.row].block);
  }
  std::map<int, RoundSet> blocks;
  for (const auto& [round, block] : block_of) blocks[block].insert(round);
  return blocks;
}

/// Who takes part in a block's rounds takes part in all of them, but for the one in which a run was
/// cut off.
void check_blocks(const Document& document, int launch, const Windows& windows, bool may_be_cut,
                  Findings& findings) {
  const auto blocks = rounds_of_blocks(document, windows);
  for (std::size_t r = 0; r < document.rows.size(); ++r) {
    if (!measured_without_fault(document.rows[r])) continue;
    const RoundSet own = rounds_of(document.rows[r], launch);
    for (const auto& [block, rounds] : blocks) {
      RoundSet missing;
      std::set_difference(rounds.begin(), rounds.end(), own.begin(), own.end(),
                          std::inserter(missing, missing.end()));
      if (missing.size() == rounds.size()) continue;  // a row of another block
      if (may_be_cut) missing.erase(windows.back().round);
      if (missing.empty()) continue;
      findings.push_back({row_place(document, r, "/time/samples"),
                          "no window in " + round_text(launch, *missing.begin()) +
                              ", but in others of block " + std::to_string(block)});
    }
  }
}

}  // namespace

void verify_rounds(const Document& document, Findings& findings) {
  const auto launches = by_launch(document);
  int expected_launch = 0;
  int expected_round = 0;
  for (const auto& [launch, windows] : launches) {
    if (launch != expected_launch)
      findings.push_back({"/rows", "no window of launch " + std::to_string(expected_launch)});
    expected_launch = launch + 1;
    expected_round = check_rounds(document, launch, expected_round, windows, findings);
    check_order(document, windows, findings);
    check_overlap(document, launch, windows, findings);
    const bool is_last = launch == launches.rbegin()->first;
    check_blocks(document, launch, windows, !is_last || !document.run.complete, findings);
  }
  const auto found = static_cast<int>(launches.size());
  if (document.run.complete && found > 0 && found < document.run.launches)
    findings.push_back({"/run/launches", "is " + std::to_string(document.run.launches) +
                                             "; there are windows of " + std::to_string(found)});
}

}  // namespace ergon::record
