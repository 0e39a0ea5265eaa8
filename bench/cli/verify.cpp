#include <fmt/format.h>

#include <filesystem>
#include <memory>

#include "bench/base/error.h"
#include "bench/cli/command.h"
#include "bench/measure/recount.h"
#include "bench/record/read.h"
#include "bench/record/verify.h"

namespace ergon::cli {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> records_below(const std::string& path) {
  if (!fs::is_directory(path)) return {path};
  std::vector<std::string> out;
  for (const auto& entry : fs::recursive_directory_iterator(path))
    if (entry.path().extension() == ".json" &&
        entry.path().string().find(".schema.") == std::string::npos)
      out.push_back(entry.path().string());
  std::sort(out.begin(), out.end());
  if (out.empty()) throw UserError({path, 0, ""}, "holds no record (*.json)");
  return out;
}

}  // namespace

void add_verify(CLI::App& app, int& exit_code) {
  auto* command =
      app.add_subcommand("verify", "Checks records against the schema and against themselves");
  command->footer(
      "Recomputes medians, intervals, ceilings and statuses from the raw samples and work from "
      "the\n"
      "workloads; checks that rounds and positions are complete, that ceilings hold and that "
      "statuses\n"
      "follow. A record that passes is consistent; that it was measured where and how it says, no\n"
      "program can know.\n"
      "Exit code: 0 consistent, 1 something does not agree, 2 not readable.");
  auto files = std::make_shared<std::vector<std::string>>();
  command->add_option("files", *files, "Records, journals, or folders of records")->required();
  command->callback([files, &exit_code] {
    exit_code = 0;
    for (const std::string& given : *files)
      for (const std::string& file : records_below(given)) {
        auto findings = record::verify_file(file);
        if (findings.empty()) findings = measure::recount(record::read_document(file));
        fmt::print("{}: {}\n", file, record::summary(findings));
        for (const auto& finding : findings) fmt::print("  {}: {}\n", finding.where, finding.what);
        if (!findings.empty()) exit_code = 1;
      }
  });
}

}  // namespace ergon::cli
