#include <fmt/format.h>

#include <cstdio>

#include "bench/cli/command.h"
#include "bench/cli/suite_options.h"

namespace ergon::cli {
namespace {

std::string si(double value) {
  static constexpr const char* prefixes[] = {"", "k", "M", "G", "T", "P"};
  int at = 0;
  while (value >= 999.5 && at < 5) {
    value /= 1000;
    ++at;
  }
  return fmt::format("{:.3g} {}", value, prefixes[at]);
}

std::size_t footprint(const measure::Case& what) {
  const std::size_t slots = what.cold ? measure::cold_slots(*what.workload, *what.device) : 1;
  const Footprint own =
      what.implementation->footprint(*what.workload, {what.device, what.threads, slots});
  return own.once + slots * (own.per_slot + slot_bytes(what.family->operands(*what.workload)));
}

void print_cases(const std::vector<measure::Case>& cases) {
  std::size_t width = 4, skipped = 0;
  for (const auto& what : cases)
    if (!what.skip) width = std::max(width, what.name().size());
  fmt::print("{:<{}}  {:>9}  {:>9}  {:>9}\n", "case", width, "FLOP", "bytes", "footprint");
  for (const auto& what : cases) {
    if (what.skip) {
      ++skipped;
      continue;
    }
    const Work work = what.workload->work();
    fmt::print("{:<{}}  {:>9}  {:>8}B  {:>8}B\n", what.name(), width, si(work.flops),
               si(work.bytes), si(static_cast<double>(footprint(what))));
  }
  if (skipped == 0) return;
  fmt::print("\nnot here:\n");
  for (const auto& what : cases)
    if (what.skip) fmt::print("  {}: {}\n", what.name(), *what.skip);
}

void print_implementations(const measure::Machine& machine) {
  fmt::print("implementations (backend:name:variant):\n");
  for (const auto& implementation : machine.registry.implementations()) {
    const auto& info = implementation->info();
    const std::string name =
        info.kernel + " " + info.backend +
        (info.name == info.backend && info.variant.empty() ? "" : ":" + info.name) +
        (info.variant.empty() ? "" : ":" + info.variant);
    fmt::print("  {:<38} {:<7} {}\n", name, info.device_kind, info.about);
    if (const auto why = implementation->unavailable())
      fmt::print("  {:<38} not here: {}\n", "", *why);
  }
  for (const RegistryEntry& entry : registry_entries())
    if (!entry.make)
      fmt::print("  {:<38} not here: {}\n", fmt::format("{} {}", entry.kernel, entry.backend),
                 entry.absent);
  fmt::print("devices:\n");
  for (const auto& device : machine.devices)
    fmt::print("  {:<12} {} ({})\n", device->info().id, device->info().name, device->info().kind);
  for (const auto& [api, reason] : machine.missing_devices)
    fmt::print("  {:<12} none: {}\n", api, reason);
}

}  // namespace

void add_list(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand(
      "list", "Every case of a suite with its work and memory, and what cannot run here and why");
  auto options = std::make_shared<SuiteOptions>();
  auto implementations = std::make_shared<bool>(false);
  options->add_to(*command);
  command->add_flag("--implementations", *implementations,
                    "Implementations and devices instead of cases");
  command->callback([options, implementations, &exit_code] {
    const measure::Machine machine(options->registry);
    exit_code = 0;
    if (*implementations) return print_implementations(machine);
    auto cases = measure::make_cases(options->load(), machine, options->cases);
    measure::make_blocks(cases, measure::block_memory_bytes());  // for its `skip`
    print_cases(cases);
  });
}

}  // namespace ergon::cli
