// Any bytes as a power log: readings, or an error of one line that names the file.
#include "bench/meters/power_log.h"

#include "bench/base/error.h"
#include "bench/meters/align.h"
#include "bench/meters/iso_time.h"
#include "tests/fuzz/fuzz.h"

namespace ergon {
namespace {

LogOptions options_of(int kind) {
  LogOptions options;
  if (kind % 2 == 1) options.unit = unit_from_name("W");
  if (kind % 4 >= 2) options.zone_seconds = 3600;
  if (kind >= 4) options.value_column = "2";
  return options;
}

/// Whatever the readings are, they are aligned or refused.
void align_with_something(const PowerLog& log) {
  Trace watts;
  for (const Reading& reading : log.readings)
    if (watts.empty() || reading.seconds > watts.back().seconds) watts.push_back(reading);
  if (watts.empty() || watts.size() > 2000) return;
  const double start = watts.front().seconds;
  std::vector<KnownTime> known;
  for (int i = 0; i < 12; ++i) known.push_back({start + 7 * i, start + 7 * (i + 1), i % 2 == 1});
  const auto found = align(known, watts, {-50, 50});
  fuzz::expect(found ? std::isfinite(found->offset_seconds) && found->error_seconds > 0
                     : !found.reason().empty(),
               [] { return "an alignment that is none"; });
}

}  // namespace
}  // namespace ergon

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t most, unsigned seed) {
  static const char* const pieces[] = {",",
                                       ";",
                                       "\t",
                                       "\n",
                                       "1769767920",
                                       "1769767920123",
                                       "2026-01-30T10:12:01Z",
                                       "W",
                                       "\"",
                                       "power",
                                       "time,",
                                       "nan",
                                       "1e308",
                                       "-1e308",
                                       "1e999",
                                       "0,5",
                                       "5e-324",
                                       "#",
                                       "\xef\xbb\xbf",
                                       "61.7",
                                       "-61",
                                       "2026-02-30T00:00:00+25:00"};
  return ergon::fuzz::change_text(data, size, most, seed, pieces);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ergon;
  const std::string text(reinterpret_cast<const char*>(data), size);
  moment_from(text);
  zone_seconds_from(text);
  for (int kind = 0; kind < 8; ++kind) {
    try {
      const PowerLog log = parse_power_log(text, "fuzzed.csv", options_of(kind));
      fuzz::expect(log.readings.size() == log.lines.size(), [] { return "a reading of no line"; });
      for (const Reading& reading : log.readings)
        fuzz::expect(std::isfinite(reading.seconds), [] { return "a time that is none"; });
      align_with_something(log);
    } catch (const UserError& error) {
      fuzz::expect(std::string_view(error.what()).starts_with("fuzzed.csv:") &&
                       std::string_view(error.what()).find('\n') == std::string_view::npos,
                   [&] { return std::string("an error without its place: ") + error.what(); });
    }
  }
  return 0;
}
