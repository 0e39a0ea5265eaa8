#include "bench/meters/meter.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

namespace ergon {

// Generated: one line per meter() call of CMakeLists.txt.
#define ERGON_METER(id, rank) Probes probe_##id(const MeterContext& context);
#include "registry/meters.inc"
#undef ERGON_METER

namespace {

template <class Enum, std::size_t count>
using Names = std::array<std::pair<Enum, std::string_view>, count>;

constexpr Names<Scope, 6> scope_names = {{{Scope::core, "core"},
                                          {Scope::package, "package"},
                                          {Scope::package_dram, "package+dram"},
                                          {Scope::board, "board"},
                                          {Scope::node, "node"},
                                          {Scope::wall, "wall"}}};

constexpr Names<Provenance, 4> provenance_names = {{{Provenance::counter, "counter"},
                                                    {Provenance::sampled, "sampled"},
                                                    {Provenance::modelled, "modelled"},
                                                    {Provenance::declared, "declared"}}};

constexpr Names<Part, 3> part_names = {{{Part::processor, "processor"},
                                        {Part::accelerator, "accelerator"},
                                        {Part::machine, "machine"}}};

template <class Table, class Enum>
std::string_view name_in(const Table& table, Enum value) noexcept {
  for (const auto& [entry, text] : table)
    if (entry == value) return text;
  return {};
}

template <class Enum, std::size_t count>
std::optional<Enum> named_in(const Names<Enum, count>& table, std::string_view text) noexcept {
  for (const auto& [entry, entry_text] : table)
    if (entry_text == text) return entry;
  return std::nullopt;
}

std::string variable_or(const char* variable, std::string fallback) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0' ? std::string(value) : std::move(fallback);
}

/// The registry writes an entry's last field as text.
constexpr int rank_of(std::string_view digits) {
  int rank = 0;
  for (const char digit : digits) rank = rank * 10 + (digit - '0');
  return rank;
}

auto ranked_entries() {
  std::array entries = {
#define ERGON_METER(id, rank) MeterEntry{#id, rank_of(rank), &probe_##id},
#include "registry/meters.inc"
#undef ERGON_METER
  };
  std::sort(entries.begin(), entries.end(),
            [](const MeterEntry& a, const MeterEntry& b) { return a.rank < b.rank; });
  return entries;
}

}  // namespace

std::string_view name(Scope scope) noexcept { return name_in(scope_names, scope); }
std::string_view name(Provenance provenance) noexcept {
  return name_in(provenance_names, provenance);
}
std::string_view name(Part part) noexcept { return name_in(part_names, part); }
std::optional<Scope> scope_from_name(std::string_view text) noexcept {
  return named_in(scope_names, text);
}
std::optional<Provenance> provenance_from_name(std::string_view text) noexcept {
  return named_in(provenance_names, text);
}
std::optional<Part> part_from_name(std::string_view text) noexcept {
  return named_in(part_names, text);
}

bool is_evidence(Provenance provenance) noexcept {
  return provenance == Provenance::counter || provenance == Provenance::sampled;
}

MeterContext context_from_environment(Clock& clock) {
  MeterContext context;
  context.clock = &clock;
  context.sysfs = variable_or("ERGON_SYSFS", context.sysfs);
  context.proc = variable_or("ERGON_PROC", context.proc);
  context.dev = variable_or("ERGON_DEV", context.dev);
  context.nvml = variable_or("ERGON_NVML", context.nvml);
  return context;
}

std::span<const MeterEntry> meter_entries() noexcept {
  static const auto entries = ranked_entries();
  return entries;
}

Probes one(Probe probe) {
  Probes probes;
  probes.push_back(std::move(probe));
  return probes;
}

Probed probe_all(const MeterContext& context) {
  Probed probed;
  for (const MeterEntry& entry : meter_entries()) {
    for (Probe& probe : entry.probe(context))
      if (auto* meter = std::get_if<std::unique_ptr<Meter>>(&probe))
        probed.meters.push_back(std::move(*meter));
      else
        probed.unavailable.push_back(std::get<Unavailable>(std::move(probe)));
  }
  return probed;
}

}  // namespace ergon
