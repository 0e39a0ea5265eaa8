// A journal's lines put together into a document. Internal to this folder.
//
// The first line is {"journal": "ergon-result/1", "document": {...}}: a document without rows. Each
// later line is one fact, and a later fact of the same thing replaces the earlier one:
//   {"row": N, "start" | "time" | "energy" | "result": {...}}
//   {"ceiling": ...}
//   {"idle": ...}
//   {"launch": ...}
//   {"beacon": ...}
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "bench/record/document.h"
#include "bench/record/json.h"

namespace ergon::record {

inline constexpr std::string_view journal_start = "{\"journal\":";

std::string header_line(const Document& header);
std::string start_line(std::size_t number, const Row& row);
std::string time_line(std::size_t number, const TimeSample& sample);
std::string energy_line(std::size_t number, const std::string& meter, const EnergySample& sample);
std::string result_line(std::size_t number, const Row& row);
std::string launch_line(const LaunchStart& start);
std::string beacon_line(const Beacon& beacon);
std::string ceiling_line(const std::string& device, const Ceiling& ceiling);
std::string idle_line(const std::string& meter, const std::string& when,
                      const Maybe<Meter::Idle>& idle);

struct Assembled {
  Document document;      // an unfinished row has an empty status
  std::size_t bytes = 0;  // of whole lines; what follows is a torn one
  std::vector<std::string> notes;
};

/// Throws UserError with `file` and the line. Medians, intervals and statuses follow from the facts
/// (status.h).
Assembled assemble(std::string_view text, const std::string& file);

}  // namespace ergon::record
