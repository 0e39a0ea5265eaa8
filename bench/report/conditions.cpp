#include "bench/report/conditions.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdint>
#include <map>
#include <set>
#include <string>

namespace ergon::report {
namespace {

using record::Document;
using Facts = std::map<std::string, std::string>;

std::string or_reason(const Maybe<std::string>& fact) {
  return fact ? *fact : "unknown (" + fact.reason() + ")";
}

/// Of a count that is 0 where the record does not tell it.
std::string count(std::int64_t number) { return number == 0 ? "unknown" : std::to_string(number); }

Facts machine(const Document& document) {
  const auto& cpu = document.host.cpu;
  Facts facts{{"cpu", cpu.model},
              {"cpu vendor", cpu.vendor},
              {"cpu family", cpu.family},
              {"cores", count(cpu.cores)},
              {"hardware threads", count(cpu.threads)},
              {"sockets", count(cpu.sockets)}};
  for (const record::Device& device : document.devices)
    if (device.kind != "cpu") facts["device " + device.id] = device.name;
  return facts;
}

Facts settings(const Document& document) {
  const auto& host = document.host;
  const auto& build = document.run.ergon;
  Facts facts{{"ergon", build.version + " " + build.commit},
              {"build", build.build_type + " " + build.compiler + " " + build.flags},
              {"kernel", host.kernel},
              {"virtualised", or_reason(host.virtualised)},
              {"container", or_reason(host.container)},
              {"governor", or_reason(host.governor)},
              {"microcode", or_reason(host.microcode)},
              {"smt", host.smt ? (*host.smt ? "on" : "off") : "unknown"},
              {"cores used", count(host.cpu.cores_used)},
              {"binding", fmt::format("{} {}", host.binding.policy, host.binding.cores)},
              {"pages", fmt::format("{} {} {}", host.pages.thp, host.pages.policy,
                                    count(host.pages.alignment))},
              {"seed", std::to_string(document.run.seed)}};
  for (const auto& [name, value] : host.variables) facts[name] = value;
  for (const auto& library : host.libraries)
    facts["library " + library.name] = library.version + " " + library.kernel;
  for (const auto& device : document.devices) facts["driver of " + device.id] = device.driver;
  return facts;
}

std::vector<std::string> differences(const Facts& base, const Facts& fresh) {
  std::set<std::string> names;
  for (const auto& [name, value] : base) names.insert(name);
  for (const auto& [name, value] : fresh) names.insert(name);
  const auto told = [](const Facts& facts, const std::string& name) {
    const auto found = facts.find(name);
    return found == facts.end() ? std::string("none") : found->second;
  };
  std::vector<std::string> out;
  for (const std::string& name : names)
    if (told(base, name) != told(fresh, name))
      out.push_back(fmt::format("{}: {} / {}", name, told(base, name), told(fresh, name)));
  return out;
}

}  // namespace

std::vector<std::string> machine_differences(const Document& base, const Document& fresh) {
  return differences(machine(base), machine(fresh));
}

std::vector<std::string> setting_differences(const Document& base, const Document& fresh) {
  return differences(settings(base), settings(fresh));
}

}  // namespace ergon::report
