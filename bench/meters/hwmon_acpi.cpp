// ACPI power meters (driver acpi_power_meter, chip `power_meter`).
//
// Source: Documentation/hwmon/acpi_power_meter.rst; ACPI 6.5, 10.4. What a meter measures is told,
// if at all, by power1_oem_info. NVIDIA Grace has one meter per socket and kind: Module (where
// there is a GPU: the whole module, memory and regulators too) contains Grace (the processor's
// whole socket, its memory and regulators too) contains CPU (the cores' rail) and SysIO.
//
// That is read second-hand: in the user book of Alumet (plugin grace-hopper) and in cpu_rails.py of
// NVIDIA's srtctl (a socket of 93 to 104 W, of which CPU and SysIO are 53 to 58 W), both after
// NVIDIA's Grace Performance Tuning Guide, Power and Thermals, which was not seen itself. So each
// kind is a meter of its own, of its own sockets alone; no kind is ever added to or taken from
// another.
#include <algorithm>
#include <cctype>
#include <charconv>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "bench/meters/hwmon_chip.h"

namespace ergon::hwmon {
namespace {

constexpr double watts_per_microwatt = 1e-6;
constexpr double per_milli = 1e-3;
/// Taken where the firmware states no accuracy, or claims to have no error at all, as Grace's does.
constexpr double assumed_uncertainty = 0.10;

struct GraceKind {
  std::string_view label;
  std::string_view id;
  std::string_view about;
  Part part;
  Scope scope;
};
constexpr GraceKind grace_kinds[] = {
    {"Grace Power Socket ", "hwmon:grace", "processor sockets; left out: CPU and SysIO, inside",
     Part::processor, Scope::package},
    {"CPU Power Socket ", "hwmon:grace:cpu", "the cores' rails", Part::processor, Scope::core},
    {"Module Power Socket ", "hwmon:grace:module",
     "whole modules, with their GPUs where they have some", Part::machine, Scope::board},
};
constexpr std::string_view grace_io = "SysIO Power Socket ";

/// "90.5%" -> 0.095; nothing where that says nothing.
std::optional<double> stated_uncertainty(const FileText& file) {
  double percent = 0;
  const char* end = file.text.data() + file.text.size();
  const auto [stop, error] = std::from_chars(file.text.data(), end, percent);
  if (error != std::errc{} || std::string_view(stop, static_cast<std::size_t>(end - stop)) != "%")
    return std::nullopt;
  if (!(percent > 0 && percent < 100)) return std::nullopt;
  return 100 / percent - 1;
}

std::string oem_info(const Chip& chip) { return chip.at("power1_oem_info").text; }

/// What is common to a sum of meters: the longest window and the worst accuracy of them.
void add(const Chip& chip, Sensor& sensor) {
  sensor.terms.push_back({{chip.at("power1_average").path}, watts_per_microwatt});
  const auto interval = number_of(chip.at("power1_average_interval"));
  if (interval && *interval > 0)
    sensor.info.averaging_seconds = std::max(sensor.info.averaging_seconds, *interval * per_milli);
  sensor.info.relative_uncertainty =
      std::max(sensor.info.relative_uncertainty,
               stated_uncertainty(chip.at("power1_accuracy")).value_or(assumed_uncertainty));
}

/// A mean over so long is renewed at least as often. Assumed: drivers do not tell how often.
void finish(Sensor& sensor) {
  sensor.info.provenance = Provenance::sampled;
  sensor.info.quantity = Quantity::watts;
  if (sensor.info.averaging_seconds > 0)
    sensor.otherwise_period_seconds = sensor.info.averaging_seconds;
  sensor.info.about += fmt::format(
      "; power1_average over {:g} s; uncertainty as stated by the "
      "firmware, 10 % where it states none",
      sensor.info.averaging_seconds);
}

std::optional<Sensor> grace_sensor(const std::vector<Chip>& meters, const GraceKind& kind) {
  Sensor sensor;
  for (const Chip& chip : meters)
    if (oem_info(chip).starts_with(kind.label)) add(chip, sensor);
  if (sensor.terms.empty()) return std::nullopt;
  sensor.info.id = kind.id;
  sensor.info.part = kind.part;
  sensor.info.scope = kind.scope;
  sensor.info.about = fmt::format("{} of {} Grace", kind.about, sensor.terms.size());
  finish(sensor);
  return sensor;
}

/// Firmware of other processors names other rails of a socket, which are not the node.
bool is_of_a_socket(const Chip& chip) {
  constexpr std::string_view word = "socket";
  const std::string info = oem_info(chip);
  return std::search(info.begin(), info.end(), word.begin(), word.end(), [](char a, char b) {
           return std::tolower(static_cast<unsigned char>(a)) == b;
         }) != info.end();
}

bool is_of_grace(const Chip& chip) {
  const std::string info = oem_info(chip);
  return info.starts_with(grace_io) ||
         std::any_of(std::begin(grace_kinds), std::end(grace_kinds),
                     [&](const GraceKind& kind) { return info.starts_with(kind.label); });
}

}  // namespace

Plan plan_of_acpi(const std::vector<Chip>& meters) {
  Plan plan;
  std::vector<Chip> usable;
  for (const Chip& chip : meters) {
    if (!chip.has("power1_average"))
      plan.left_out.push_back({chip.id(), "the ACPI power meter shows no power1_average", ""});
    else if (chip.at("power1_is_battery").text == "1")
      plan.left_out.push_back({chip.id(), "this ACPI power meter is that of a battery", ""});
    else
      usable.push_back(chip);
  }
  for (const GraceKind& kind : grace_kinds)
    if (auto sensor = grace_sensor(usable, kind)) plan.sensors.push_back(std::move(*sensor));
  for (const Chip& chip : usable) {
    if (is_of_grace(chip)) continue;
    if (is_of_a_socket(chip)) {
      plan.left_out.push_back({chip.id(),
                               fmt::format("what the ACPI power meter '{}' includes is not known",
                                           printable(oem_info(chip))),
                               ""});
      continue;
    }
    Sensor sensor;
    add(chip, sensor);
    sensor.info.id = chip.id();
    sensor.info.part = Part::machine;
    sensor.info.scope = Scope::node;
    const std::string info = oem_info(chip);
    sensor.info.about = "ACPI power meter" + (info.empty() ? "" : " '" + printable(info) + "'");
    finish(sensor);
    plan.sensors.push_back(std::move(sensor));
  }
  return plan;
}

}  // namespace ergon::hwmon
