#include "bench/measure/meter_choice.h"

#include <algorithm>
#include <string_view>

#include "bench/base/error.h"
#include "bench/meters/command_spec.h"
#include "bench/meters/log_to_come.h"

namespace ergon::measure {
namespace {

constexpr std::string_view command_prefix = "command:";
constexpr std::string_view log_prefix = "log:";

[[noreturn]] void refuse(const std::string& message) {
  throw UserError({"command line", 0, "--meter"}, message);
}

std::vector<std::string> split(std::string_view value) {
  std::vector<std::string> items;
  while (true) {
    const auto comma = value.starts_with(command_prefix) ? std::string_view::npos : value.find(',');
    items.emplace_back(value.substr(0, comma));
    if (comma == std::string_view::npos) return items;
    value.remove_prefix(comma + 1);
  }
}

void add(MeterChoice& choice, const std::string& item) {
  if (item.empty()) refuse("names no meter");
  if (item.starts_with(command_prefix)) {
    choice.commands.push_back(item.substr(command_prefix.size()));
    const auto spec = parse_command_spec(choice.commands.back());
    if (!spec) refuse(item + ": " + spec.reason());
    choice.wanted.push_back(command_ids(choice.commands).back());
    return;
  }
  std::string id = item;
  if (item == log_to_come_id || item.starts_with(log_prefix)) {
    id = log_to_come_id;
    choice.log = item == log_to_come_id ? "" : item.substr(log_prefix.size());
    const auto log = parse_log_to_come(*choice.log);
    if (!log) refuse(item + ": " + log.reason());
  }
  if (std::find(choice.wanted.begin(), choice.wanted.end(), id) != choice.wanted.end())
    refuse("names '" + id + "' twice");
  choice.wanted.push_back(id);
}

}  // namespace

MeterChoice choose_meters(const std::vector<std::string>& values) {
  MeterChoice choice;
  for (const std::string& value : values)
    for (const std::string& item : split(value)) add(choice, item);
  if (choice.wanted.empty()) refuse("names no meter");
  for (const std::string& id : choice.wanted)
    if ((id == "auto" || id == "none") && choice.wanted.size() > 1)
      refuse("'" + id + "' cannot stand beside other meters");
  return choice;
}

}  // namespace ergon::measure
