#include "bench/record/meter_state.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "bench/base/error.h"
#include "bench/record/file.h"
#include "bench/record/parse.h"
#include "bench/record/reader.h"
#include "bench/record/writer.h"

namespace ergon::record {

// Found by the Io of fields.h through the types of their arguments.
template <class Io>
void fields(Io& io, typename Io::template Of<Estimate>& estimate) {
  io("value", estimate.value);
  io("low", estimate.low);
  io("high", estimate.high);
}

template <class Io>
void fields(Io& io, typename Io::template Of<KnownMeter>& meter) {
  io("id", meter.id);
  io.optional("about", meter.about);
  io("characterised", meter.characterised);
  io("quantity", meter.quantity);
  io("quantum", meter.quantum);
  io("period_seconds", meter.period_seconds);
  io("jitter_seconds", meter.jitter_seconds);
  io("averaging_seconds", meter.averaging_seconds);
  io("lag_seconds", meter.lag_seconds);
  io("read_seconds", meter.read_seconds);
  io("idle_watts", meter.idle_watts);
  io("busy_watts", meter.busy_watts);
}

template <class Io>
void fields(Io& io, typename Io::template Of<KnownMachine>& machine) {
  io("cpu", machine.cpu);
  io("id", machine.id);
  io("meters", machine.meters);
}

template <class Io>
void fields(Io& io, typename Io::template Of<MeterState>& state) {
  io.constant("schema", "ergon-meters/1");
  io("machines", state.machines);
}

namespace {

constexpr std::size_t most_bytes_of_state = 16u << 20;

bool is_utc(std::string_view text) {
  constexpr std::string_view pattern = "0000-00-00T00:00:00Z";
  return std::equal(text.begin(), text.end(), pattern.begin(), pattern.end(),
                    [](char found, char wanted) {
                      return wanted == '0' ? found >= '0' && found <= '9' : found == wanted;
                    });
}

void require(bool holds, const Path& path, std::string_view field, const char* message) {
  if (!holds) throw Misfit({&path, field}, message);
}

void check(const KnownMeter& meter, const Path& path) {
  require(is_utc(meter.characterised), path, "characterised",
          "is not a time like "
          "2026-01-31T12:00:00Z");
  require(meter.quantity == "joules" || meter.quantity == "watts", path, "quantity",
          "is neither 'joules' nor 'watts'");
  require(meter.quantum.value_or(1) > 0, path, "quantum", "is not above 0");
  require(meter.period_seconds.value_or(1) > 0, path, "period_seconds", "is not above 0");
  for (const auto& [field, value] : {std::pair("jitter_seconds", meter.jitter_seconds),
                                     {"averaging_seconds", meter.averaging_seconds},
                                     {"lag_seconds", meter.lag_seconds},
                                     {"read_seconds", Maybe<double>(meter.read_seconds)}})
    require(value.value_or(0) >= 0, path, field, "is below 0");
  for (const auto& [field, watts] :
       {std::pair("idle_watts", meter.idle_watts), {"busy_watts", meter.busy_watts}})
    require(!watts || (watts->low <= watts->value && watts->value <= watts->high), path, field,
            "does not lie within its own range");
}

void check(const MeterState& state) {
  const Path root;
  const Path machines{&root, "machines"};
  for (std::size_t i = 0; i < state.machines.size(); ++i) {
    const Path machine{&machines, {}, i};
    const Path meters{&machine, "meters"};
    for (std::size_t j = 0; j < state.machines[i].meters.size(); ++j)
      check(state.machines[i].meters[j], {&meters, {}, j});
  }
}

}  // namespace

MeterState meter_state_from_text(const std::string& text, const std::string& name) {
  const Json json = parse(text, name);
  MeterState state;
  try {
    Reader::take(json, state, Path{});
    check(state);
  } catch (const Misfit& misfit) {
    throw UserError({name, line_of(text, misfit.pointer), misfit.pointer}, misfit.what());
  }
  return state;
}

std::string to_text(const MeterState& state) { return Writer::json_of(state).dump(2) + "\n"; }

MeterState read_meter_state(const std::string& path) {
  if (!exists(path)) return {};
  return meter_state_from_text(read_file(path, most_bytes_of_state), path);
}

void write_meter_state(const std::string& path, const MeterState& state) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  std::error_code error;
  if (!folder.empty()) std::filesystem::create_directories(folder, error);
  if (error) throw UserError({path, 0, ""}, "its folder cannot be made: " + error.message());
  replace_file(path, to_text(state));
}

}  // namespace ergon::record
