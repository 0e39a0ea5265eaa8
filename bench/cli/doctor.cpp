#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "bench/cli/command.h"
#include "bench/cli/doctor_meters.h"
#include "bench/cli/doctor_text.h"
#include "bench/cli/numbers.h"
#include "bench/cli/price.h"
#include "bench/cli/suite_options.h"
#include "bench/measure/characterised.h"
#include "bench/measure/evidence.h"
#include "bench/measure/host.h"

namespace ergon::cli {
namespace {

using nlohmann::ordered_json;

// What doctor finds, in the words of the record where both have them.
ordered_json maybe(const auto& value) {
  if (value) return *value;
  return {{"absent", value.reason()}};
}

ordered_json known(const auto& value, const char* why_not) {
  if (value == std::decay_t<decltype(value)>{}) return {{"absent", why_not}};
  return value;
}

ordered_json describe_machine(const record::Host& host,
                              const config::HardwareCatalogue& catalogue) {
  constexpr const char* no_topology = "hwloc does not say";
  ordered_json caches = ordered_json::array();
  for (const auto& cache : host.cpu.caches)
    caches.push_back({{"level", cache.level},
                      {"bytes", cache.bytes},
                      {"shared_by", cache.shared_by},
                      {"instances", cache.instances.value_or(1)}});
  const auto match = config::match_cpu(catalogue, measure::identify_cpu());
  return {{"cpu", host.cpu.model},
          {"vendor", host.cpu.vendor},
          {"family/model/stepping", host.cpu.family},
          {"recognised_as",
           match ? ordered_json(match->rests_on) : ordered_json{{"absent", match.reason()}}},
          {"isa", host.cpu.isa},
          {"cores_used", host.cpu.cores_used},
          {"cores", known(host.cpu.cores, no_topology)},
          {"threads", known(host.cpu.threads, no_topology)},
          {"sockets", known(host.cpu.sockets, no_topology)},
          {"numa_nodes", known(host.cpu.numa_nodes, no_topology)},
          {"caches", caches.empty() ? ordered_json{{"absent", "sysfs lists none"}} : caches},
          {"memory_bytes", known(host.memory_bytes, "/proc/meminfo does not say")},
          {"os", known(host.os, "/etc/os-release does not say")},
          {"kernel", host.kernel},
          {"virtualised", maybe(host.virtualised)},
          {"container", maybe(host.container)},
          {"governor", maybe(host.governor)},
          {"smt", maybe(host.smt)},
          {"microcode", maybe(host.microcode)},
          {"thp", host.pages.thp},
          {"binding", host.binding.policy},
          {"variables", host.variables}};
}

ordered_json describe_backends(const measure::Machine& machine) {
  ordered_json out = ordered_json::array();
  for (const auto& implementation : machine.registry.implementations()) {
    const auto& info = implementation->info();
    ordered_json entry{{"kernel", info.kernel}, {"backend", info.backend}, {"name", info.name}};
    if (!info.variant.empty()) entry["variant"] = info.variant;
    if (info.library) {
      entry["library"] = info.library->name;
      entry["version"] = info.library->version;
      entry["path"] = info.library->path;
      if (!info.library->kernel.empty()) entry["picked_kernel"] = info.library->kernel;
    }
    if (const auto why = implementation->unavailable()) entry["absent"] = *why;
    out.push_back(entry);
  }
  for (const RegistryEntry& entry : registry_entries())
    if (!entry.make)
      out.push_back({{"kernel", entry.kernel},
                     {"backend", entry.backend},
                     {"name", entry.backend},
                     {"absent", entry.absent}});
  return out;
}

ordered_json describe_devices(const measure::Machine& machine) {
  ordered_json out = ordered_json::array();
  for (const auto& device : machine.devices) {
    const DeviceInfo& info = device->info();
    out.push_back(
        {{"id", info.id}, {"kind", info.kind}, {"name", info.name}, {"driver", info.driver}});
  }
  for (const auto& [api, reason] : machine.missing_devices)
    out.push_back({{"id", api}, {"absent", reason}});
  return out;
}

ordered_json describe_meters(const measure::Energy& energy) {
  ordered_json out = ordered_json::array();
  for (const auto& meter : energy.meters) {
    const record::Meter m = energy.describe(*meter);
    out.push_back({{"meter", m.id},
                   {"part", m.part},
                   {"scope", m.scope},
                   {"provenance", m.provenance},
                   {"relative_uncertainty", m.relative_uncertainty},
                   {"quantum_joules", maybe(m.quantum_joules)},
                   {"period_seconds", maybe(m.period_seconds)},
                   {"used", m.primary},
                   {"about", m.about}});
    if (m.characterised) out.back()["characterised"] = maybe(*m.characterised);
  }
  for (const Unavailable& other : energy.unavailable) {
    ordered_json entry{{"meter", other.meter}, {"absent", other.reason}};
    if (!other.remedy.empty()) entry["remedy"] = other.remedy;
    out.push_back(entry);
  }
  return out;
}

ordered_json describe_prices(const std::vector<record::Price>& prices) {
  ordered_json out = ordered_json::array();
  for (const auto& price : prices) {
    out.push_back({{"price", price.id},
                   {"usd_per_hour", maybe(price.usd_per_hour)},
                   {"share", price.share},
                   {"kind", price.kind},
                   {"region", price.region},
                   {"as_of", price.as_of},
                   {"source", price.source},
                   {"confidence", price.confidence},
                   {"about", price.about}});
    if (const auto& range = price.usd_per_hour_range)
      out.back()["usd_per_hour_range"] = {range->low, range->high};
  }
  return out;
}

ordered_json examine(const SuiteOptions& options, const measure::EvidenceOptions& evidence) {
  const auto catalogue = config::load_hardware(configs_folder() + "/hardware");
  const measure::Machine machine(options.registry);
  SteadyClock clock;
  const auto memory = measure::MeterMemory::open();
  const auto energy = measure::open_meters(
      catalogue, evidence, clock, [&](measure::Energy& found) { apply_kept(found, memory); });
  const auto build = measure::describe_build();
  return {{"ergon", fmt::format("ergon {} ({}, {}, {})", build.version, build.commit,
                                build.build_type, build.compiler)},
          {"machine", describe_machine(measure::describe_host(), catalogue)},
          {"devices", describe_devices(machine)},
          {"backends", describe_backends(machine)},
          {"energy", describe_meters(energy)},
          {"price", describe_prices(applying_prices(evidence, catalogue))}};
}

void print(const ordered_json& all, bool as_json, void (*for_people)(const ordered_json&)) {
  if (as_json)
    fmt::print("{}\n", all.dump(2));
  else
    for_people(all);
}

}  // namespace

void add_doctor(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand(
      "doctor",
      "What this machine is, which backends, meters and prices it has, and why not the others");
  auto options = std::make_shared<SuiteOptions>();
  auto evidence = std::make_shared<measure::EvidenceOptions>();
  auto as_json = std::make_shared<bool>(false);
  command->add_flag("--json", *as_json, "The same as JSON");
  command
      ->add_option("--blas", options->registry.blas,
                   "CBLAS libraries by name or path, separated by commas")
      ->delimiter(',');
  command->add_option("--instance", evidence->instance, "Cloud instance whose price applies");
  command->add_option("--watts", evidence->watts, "Declared watts of the whole machine")
      ->check(positive_number());
  command
      ->add_option("--meter", evidence->meters,
                   "Meters, as for `run`: 'command:[key=value...] PROGRAM' is one too")
      ->allow_extra_args(false)
      ->capture_default_str();
  auto meters = std::make_shared<bool>(false);
  auto selftest = std::make_shared<bool>(false);
  auto* characterise = command->add_flag(
      "--meters", *meters,
      "Find out what each meter is under a load that goes on and off, and keep it for later runs");
  command
      ->add_flag("--selftest", *selftest,
                 "The same of simulated sensors, whose truth is known; exit code 1 where it is "
                 "missed")
      ->needs(characterise);
  command->callback([=, &exit_code] {
    if (*selftest) {
      const ordered_json all = test_meters();
      print(all, *as_json, print_selftest);
      exit_code = all["wrong"].get<bool>() ? 1 : 0;
      return;
    }
    measure::bind_threads();  // as every run does
    if (*meters)
      print(characterise_meters(*evidence), *as_json, print_characterised);
    else
      print(examine(*options, *evidence), *as_json, print_doctor);
    exit_code = 0;
  });
}

}  // namespace ergon::cli
