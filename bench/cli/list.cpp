#include <fmt/format.h>

#include <cstdio>

#include "bench/cli/command.h"
#include "bench/cli/list_text.h"
#include "bench/cli/suite_options.h"

namespace ergon::cli {
namespace {

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
    std::fputs(list_text(cases).c_str(), stdout);
  });
}

}  // namespace ergon::cli
