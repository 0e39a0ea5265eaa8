#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "bench/report/conditions.h"
#include "bench/report/remarks.h"
#include "bench/report/text.h"

namespace ergon::report {
namespace {

std::string isa_text(const std::vector<std::string>& isa) {
  const auto has = [&](std::string_view start) {
    return std::ranges::any_of(isa,
                               [&](const std::string& name) { return name.starts_with(start); });
  };
  const auto holds = [&](std::string_view part) {
    return std::ranges::any_of(
        isa, [&](const std::string& name) { return name.find(part) != std::string::npos; });
  };
  std::vector<std::string> parts;
  for (const auto& [start, text] :
       {std::pair("avx512", "AVX-512"), std::pair("avx2", "AVX2"), std::pair("sve", "SVE"),
        std::pair("asimd", "NEON"), std::pair("sse2", "SSE2")})
    if (parts.empty() && has(start)) parts.emplace_back(text);
  for (const auto& [part, text] : {std::pair("vnni", "VNNI"), std::pair("i8mm", "I8MM"),
                                   std::pair("bf16", "BF16"), std::pair("amx", "AMX")})
    if (holds(part)) parts.emplace_back(text);
  return join(parts, " ");
}

/// Empty where the record does not tell: a count of 0 is none.
std::string cores_text(const record::Cpu& cpu) {
  if (cpu.cores_used == 0) return cpu.cores == 0 ? "" : fmt::format("{} cores", cpu.cores);
  if (cpu.cores == 0) return fmt::format("{} cores used", cpu.cores_used);
  return fmt::format("{} of {} cores used", cpu.cores_used, cpu.cores);
}

std::string machine_line(const record::Document& document) {
  const auto& cpu = document.host.cpu;
  std::vector<std::string> parts = {cpu.model.empty() ? "a processor without a name" : cpu.model};
  if (!cpu.family.empty()) parts.front() += " (" + cpu.family + ")";
  if (const std::string cores = cores_text(cpu); !cores.empty()) parts.push_back(cores);
  if (const std::string isa = isa_text(cpu.isa); !isa.empty()) parts.push_back(isa);
  if (document.host.virtualised && *document.host.virtualised != "none")
    parts.push_back(*document.host.virtualised + " guest");
  for (const record::Device& device : document.devices)
    if (device.kind != "cpu") parts.push_back(device.id + " " + device.name);
  return printable(join(parts, " · "));
}

std::string build_text(const record::Build& build) {
  return "ergon " + build.version +
         (build.commit.empty() ? "" : " (" + build.commit.substr(0, 10) + ")");
}

std::string run_line(const record::Document& document) {
  const auto& run = document.run;
  std::vector<std::string> parts = {
      run.suite.name.empty() ? "unnamed suite" : "suite " + run.suite.name, run.started_utc,
      build_text(run.ergon)};
  if (run.other_build)
    parts.push_back("@" + run.other_build->label + ": " + build_text(run.other_build->ergon));
  if (run.launches > 1) parts.push_back(fmt::format("{} launches", run.launches));
  if (!run.complete) parts.emplace_back(incomplete);
  return printable(join(parts, " · "));
}

}  // namespace

std::vector<std::string> head(const Table& table) {
  std::vector<std::string> lines;
  for (const Source& source : table.sources) {
    const std::string label = table.sources.size() > 1 ? printable(source.label) + ": " : "";
    lines.push_back(label + machine_line(*source.document));
    lines.push_back(label + run_line(*source.document));
    for (const std::string& warning : source.warnings)
      lines.push_back(label + "WARNING: " + printable(warning));
  }
  return lines;
}

}  // namespace ergon::report
