#include "bench/cli/doctor_text.h"

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "bench/meters/meter.h"
#include "bench/report/covers.h"
#include "bench/report/text.h"

namespace ergon::cli {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t width = 110, indent = 2;

std::string bytes_text(double bytes) {
  static constexpr const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  int at = 0;
  while (bytes >= 1024 && at < 4) {
    bytes /= 1024;
    ++at;
  }
  return fmt::format("{:.4g} {}", bytes, units[at]);
}

std::string seconds_text(double seconds) { return report::si({seconds, seconds, seconds}, "s"); }

std::string plain(const ordered_json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_number_float()) return fmt::format("{:.4g}", value.get<double>());
  if (value.is_object() && value.contains("absent"))
    return "not known: " + value["absent"].get<std::string>();
  if (value.is_array()) {
    std::string out;
    for (const auto& item : value) out += (out.empty() ? "" : " ") + plain(item);
    return out;
  }
  return value.dump();
}

bool is_number(const ordered_json& entry, const char* field) {
  return entry.contains(field) && entry[field].is_number();
}

/// `head` in a column of `column`, `text` beside it, wrapped.
void print_line(const std::string& head, std::size_t column, const std::string& text) {
  std::string left = head;
  for (const std::string& line : report::wrap(text, width - indent - column)) {
    fmt::print("  {} {}\n", report::pad_right(left, column), line);
    left.clear();
  }
}

void print_machine(const ordered_json& machine) {
  constexpr std::size_t column = 22;
  static const std::map<std::string, std::string> words = {
      {"recognised_as", "recognised as"}, {"isa", "instruction sets"},
      {"cores_used", "cores used"},       {"numa_nodes", "NUMA nodes"},
      {"memory_bytes", "memory"},         {"smt", "SMT"},
      {"thp", "transparent huge pages"},  {"os", "system"}};
  for (const auto& [key, value] : machine.items()) {
    if (key == "caches" && value.is_array()) {
      std::vector<std::string> caches;
      for (const auto& cache : value)
        caches.push_back(fmt::format(
            "L{} {} x {} shared by {}", cache["level"].get<int>(), cache["instances"].get<int>(),
            bytes_text(cache["bytes"].get<double>()), cache["shared_by"].get<int>()));
      print_line(key, column, report::join(caches, ", "));
    } else if (key == "variables") {
      for (const auto& [name, text] : value.items())
        print_line("variable", column, name + "=" + plain(text));
    } else {
      const auto word = words.find(key);
      print_line(word == words.end() ? key : word->second, column,
                 is_number(machine, "memory_bytes") && key == "memory_bytes"
                     ? bytes_text(value.get<double>())
                     : plain(value));
    }
  }
}

/// Nothing is said where it is there; the reason and the remedy where it is not.
bool print_absent(const std::string& head, std::size_t column, const ordered_json& entry) {
  if (!entry.contains("absent")) return false;
  print_line(head, column, "not here: " + plain(entry["absent"]));
  if (entry.contains("remedy")) print_line("", column, "to open it: " + plain(entry["remedy"]));
  return true;
}

void print_devices(const ordered_json& devices) {
  for (const auto& entry : devices)
    if (const std::string id = plain(entry["id"]); !print_absent(id, 22, entry))
      print_line(id, 22,
                 fmt::format("{}: {}; {}", plain(entry["kind"]), plain(entry["name"]),
                             plain(entry["driver"])));
}

/// "onednn packed-once" rather than "onednn onednn packed-once".
std::string backend_name(const ordered_json& entry) {
  std::string out = plain(entry["kernel"]) + " " + plain(entry["backend"]);
  if (entry["name"] != entry["backend"]) out += " " + plain(entry["name"]);
  if (entry.contains("variant")) out += " " + plain(entry["variant"]);
  return out;
}

void print_backends(const ordered_json& backends) {
  constexpr std::size_t column = 28;
  for (const auto& entry : backends) {
    const std::string head = backend_name(entry);
    if (print_absent(head, column, entry)) continue;
    if (!entry.contains("library")) {
      print_line(head, column, "in this program");
      continue;
    }
    std::string text = plain(entry["library"]) + " " + plain(entry["version"]);
    if (entry.contains("picked_kernel"))
      text += ", runs its " + plain(entry["picked_kernel"]) + " code";
    print_line(head, column, text + ", " + plain(entry["path"]));
  }
}

std::string uncertainty_text(double uncertainty) {
  // A factor either way.
  return fmt::format("calibration -{:.0f}/+{:.0f} %",
                     std::ceil(100 * uncertainty / (1 + uncertainty)),
                     std::ceil(100 * uncertainty));
}

void print_meters(const ordered_json& meters) {
  constexpr std::size_t column = 22;
  for (const auto& entry : meters) {
    const std::string head = plain(entry["meter"]);
    if (print_absent(head, column, entry)) continue;
    std::vector<std::string> parts{plain(entry["provenance"]), "scope " + plain(entry["scope"])};
    // A model senses nothing.
    if (const auto known = provenance_from_name(parts[0]); known && is_evidence(*known))
      parts.push_back(fmt::format("of {}", report::part_text(plain(entry["part"]))));
    if (is_number(entry, "relative_uncertainty"))
      parts.push_back(uncertainty_text(entry["relative_uncertainty"]));
    // A modelled meter has no steps.
    if (is_number(entry, "quantum_joules") && entry["quantum_joules"] > 0)
      parts.push_back(fmt::format("steps of {:.3g} J", entry["quantum_joules"].get<double>()));
    if (is_number(entry, "period_seconds") && entry["period_seconds"] > 0)
      parts.push_back("every " + seconds_text(entry["period_seconds"]));
    if (entry["used"] == true) parts.emplace_back("used");
    print_line(head, column, report::join(parts, ", "));
    print_line("", column, plain(entry["about"]));
    if (entry.contains("characterised"))
      print_line("", column,
                 entry["characterised"].is_string()
                     ? "characterised " + plain(entry["characterised"])
                     : plain(entry["characterised"]["absent"]));
  }
}

void print_prices(const ordered_json& prices) {
  constexpr std::size_t column = 22;
  for (const auto& entry : prices) {
    std::string text = "no price by the hour";
    if (is_number(entry, "usd_per_hour"))
      text = fmt::format("${:.4g} per hour, {:.3g} % of it charged to each row",
                         entry["usd_per_hour"].get<double>(), 100 * entry["share"].get<double>());
    if (entry.contains("usd_per_hour_range"))
      text += fmt::format(", ${:.4g} to ${:.4g} over other prices that fit",
                          entry["usd_per_hour_range"][0].get<double>(),
                          entry["usd_per_hour_range"][1].get<double>());
    for (const char* field : {"kind", "region"})
      if (!plain(entry[field]).empty()) text += ", " + plain(entry[field]);
    print_line(plain(entry["price"]), column,
               text + ", as of " + plain(entry["as_of"]) + ", " + plain(entry["source"]) + " (" +
                   plain(entry["confidence"]) + ")");
    if (!plain(entry["about"]).empty()) print_line("", column, plain(entry["about"]));
  }
  if (prices.empty())
    print_line("none", column, "give --usd-per-hour X or --instance NAME to `ergon run`");
}

}  // namespace

void print_doctor(const ordered_json& all) {
  fmt::print("{}\n\nmachine\n", plain(all["ergon"]));
  print_machine(all["machine"]);
  fmt::print("\ndevices\n");
  print_devices(all["devices"]);
  fmt::print("\nbackends\n");
  print_backends(all["backends"]);
  fmt::print("\nenergy\n");
  print_meters(all["energy"]);
  fmt::print("\nprice\n");
  print_prices(all["price"]);
}

}  // namespace ergon::cli
