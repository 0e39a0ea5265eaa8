#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "bench/base/error.h"
#include "bench/cli/check.h"
#include "bench/cli/command.h"
#include "bench/record/read.h"
#include "bench/record/verify.h"
#include "bench/report/text.h"

namespace ergon::cli {
namespace {

namespace fs = std::filesystem;

bool is_record(const fs::path& path) {
  return path.extension() == ".json" && path.string().find(".schema.") == std::string::npos;
}

std::vector<std::string> records_below(const std::string& path) {
  if (!fs::is_directory(path)) return {path};
  std::vector<std::string> out;
  std::error_code error;
  fs::recursive_directory_iterator entry(path, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error))
    if (is_record(entry->path())) out.push_back(entry->path().string());
  if (error) throw UserError({path, 0, ""}, "cannot be searched: " + error.message());
  std::sort(out.begin(), out.end());
  if (out.empty()) throw UserError({path, 0, ""}, "holds no record (*.json)");
  return out;
}

// Text of a record may be anything: it must not drive the terminal or look like a line of ours.
void print_line(const std::string& text) { fmt::print("{}\n", report::printable(text)); }

/// What the schema forbids is found in the file, the rest in the document.
Check check_file(const std::string& file) {
  auto findings = record::verify_file(file);
  if (!findings.empty()) return {std::move(findings), {}};
  return check(record::read_document(file));
}

/// 0 consistent, 1 not.
int verify_one(const std::string& file) {
  const auto [findings, unchecked] = check_file(file);
  print_line(file + ": " + record::summary(findings));
  for (const auto& finding : findings) print_line("  " + finding.where + ": " + finding.what);
  for (const std::string& text : unchecked) print_line("  note: " + text);
  return findings.empty() ? 0 : 1;
}

/// The worst of all; what cannot be read is told, and does not keep the rest from being looked at.
int verify_all(const std::vector<std::string>& given) {
  int worst = 0;
  const auto attempt = [&](const auto& action) {
    try {
      action();
    } catch (const UserError& error) {
      std::fflush(stdout);
      fmt::print(stderr, "error: {}\n", report::printable(error.what()));
      worst = 2;
    }
  };
  for (const std::string& path : given)
    attempt([&] {
      for (const std::string& file : records_below(path))
        attempt([&] { worst = std::max(worst, verify_one(file)); });
    });
  return worst;
}

}  // namespace

void add_verify(CLI::App& app, int& exit_code) {
  auto* command =
      app.add_subcommand("verify", "Checks records against the schema and against themselves");
  command->footer(
      "Recomputes medians, intervals, ceilings and statuses from the raw samples and work from "
      "the\n"
      "workloads; checks that rounds and positions are complete, that ceilings hold, that rows are "
      "cases\n"
      "of the suite and that statuses "
      "follow. A record that passes is consistent; that it was measured where and how it says, no\n"
      "program can know.\n"
      "Exit code: 0 consistent, 1 something does not agree, 2 not readable.");
  auto files = std::make_shared<std::vector<std::string>>();
  command->add_option("files", *files, "Records, journals, or folders of records")->required();
  command->callback([files, &exit_code] { exit_code = verify_all(*files); });
}

}  // namespace ergon::cli
