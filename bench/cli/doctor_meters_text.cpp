// What characterising found, for people.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <span>

#include "bench/cli/doctor_meters.h"
#include "bench/report/text.h"

namespace ergon::cli {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t column = 20;
constexpr std::size_t width = 108;

void print_line(const std::string& head, const std::string& text) {
  std::string left = head;
  for (const std::string& line : report::wrap(text, width - column)) {
    fmt::print("  {} {}\n", report::pad_right(left, column), line);
    left.clear();
  }
}

std::string si(const ordered_json& value, const char* unit) {
  if (value.is_object() && value.contains("absent"))
    return "not known: " + value["absent"].get<std::string>();
  const double number = value.get<double>();
  return number == 0 ? fmt::format("0 {}", unit) : report::si({number, number, number}, unit);
}

std::string watts_text(const ordered_json& value, const char* over) {
  if (value.contains("absent")) return si(value, "W");
  return fmt::format("{:.4g} W [{:.4g}, {:.4g}] over {}", value["value"].get<double>(),
                     value["low"].get<double>(), value["high"].get<double>(), over);
}

std::string gain_text(const ordered_json& entry) {
  std::string text = fmt::format("{:.4g} W", entry["gain_watts"].get<double>());
  if (entry.contains("gain_against"))
    for (const auto& [other, ratio] : entry["gain_against"].items())
      text += fmt::format(", {:.3g} of {}'s", ratio.get<double>(), other);
  return text;
}

struct Line {
  const char* field;
  const char* words;
  const char* unit;
};
constexpr Line lines[] = {{"quantum_joules", "quantum", "J"},
                          {"quantum_watts", "quantum", "W"},
                          {"period_seconds", "period", "s"},
                          {"jitter_seconds", "jitter", "s"}};
/// To a step of load.
constexpr Line response_lines[] = {{"averaging_seconds", "averages over", "s"},
                                   {"lag_seconds", "lag", "s"}};
constexpr Line later_lines[] = {{"read_seconds", "a read takes", "s"},
                                {"wrap_joules", "wraps at", "J"},
                                {"seconds_to_wrap", "under load within", "s"}};

void print_lines(const ordered_json& entry, std::span<const Line> some) {
  for (const Line& line : some)
    if (entry.contains(line.field)) print_line(line.words, si(entry[line.field], line.unit));
}

void print_found(const ordered_json& entry) {
  const bool loaded = !entry.contains("step_response");
  if (entry.contains("fault")) print_line("FAULT", entry["fault"].get<std::string>());
  print_lines(entry, lines);
  if (loaded)
    print_lines(entry, response_lines);
  else
    print_line("response to load", si(entry["step_response"], "s"));
  print_lines(entry, later_lines);
  print_line("idle",
             watts_text(entry["idle_watts"], loaded ? "the steps of load" : "thirds of the time"));
  if (loaded) print_line("under load", watts_text(entry["busy_watts"], "the steps of load"));
  if (entry.contains("gain_watts")) print_line("gain", gain_text(entry));
  if (entry.contains("shortest_window_seconds"))
    print_line("window for 2 %", si(entry["shortest_window_seconds"], "s"));
  if (entry.contains("not_kept"))
    print_line("not kept", entry["not_kept"].get<std::string>());
  else if (entry.contains("characterised"))
    print_line("kept as of", entry["characterised"].get<std::string>());
}

}  // namespace

void print_characterised(const ordered_json& all) {
  for (const ordered_json& entry : all["meters"]) {
    fmt::print("{}\n", report::printable(entry["meter"].get<std::string>()));
    if (entry.contains("about") && !entry["about"].empty())
      print_line("about", entry["about"].get<std::string>());
    if (!entry.contains("absent")) {
      print_found(entry);
      continue;
    }
    print_line("not characterised", entry["absent"].get<std::string>());
    if (entry.contains("remedy")) print_line("to open it", entry["remedy"].get<std::string>());
  }
  fmt::print("\nload: {}\nmachine: {}, {}\nkept in: {}\n", all["load"].get<std::string>(),
             all["machine"]["cpu"].get<std::string>(),
             all["machine"]["id"].is_string() ? all["machine"]["id"].get<std::string>()
                                              : all["machine"]["id"]["absent"].get<std::string>(),
             all["kept_in"].is_string() ? all["kept_in"].get<std::string>()
                                        : all["kept_in"]["absent"].get<std::string>());
}

void print_selftest(const ordered_json& all) {
  fmt::print("{}\n{}\n{}\n", all["coverage_table"].get<std::string>(),
             all["log_coverage_table"].get<std::string>(),
             all["characterisation_table"].get<std::string>());
  for (const ordered_json& cell : all["wrong_cells"]) print_line("WRONG", cell.get<std::string>());
  fmt::print("{}\n", all["wrong"].get<bool>()
                         ? "energy of simulated sensors is wrong in this build"
                         : "every stated error held the truth as often as it should, and every "
                           "refusal was for the right reason");
}

}  // namespace ergon::cli
