#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>

#include "bench/base/error.h"
#include "bench/cli/check.h"
#include "bench/cli/command.h"
#include "bench/cli/numbers.h"
#include "bench/cli/print_report.h"
#include "bench/report/energy.h"
#include "bench/report/formats.h"
#include "bench/report/table.h"

namespace ergon::cli {
namespace {

struct Options {
  std::vector<std::string> files;
  std::string format = "table";
  std::string out;
  report::ReportOptions table;
};

void write(const Options& options, const std::vector<report::Source>& sources, std::ostream& out) {
  const auto table =
      from_records(options.files, [&] { return report::make_table(sources, options.table); });
  report::format(options.format).write(table, out);
}

int run(const Options& options) {
  report::format(options.format);
  std::vector<CheckedRecord> records;
  for (const std::string& file : options.files) records.push_back(read_checked(file));
  std::vector<report::Source> sources;
  for (std::size_t i = 0; i < records.size(); ++i)
    sources.push_back({options.files[i], &records[i].document, records[i].warnings});
  if (options.out.empty()) {
    write(options, sources, std::cout);
    return 0;
  }
  if (std::filesystem::exists(options.out))
    throw UserError({options.out, 0, "--out"}, "exists already");
  std::ostringstream text;
  write(options, sources, text);
  std::ofstream file(options.out, std::ios::binary);
  if (!(file << text.str() << std::flush))
    throw UserError({options.out, 0, ""}, "cannot be written");
  return 0;
}

}  // namespace

void print_table(const std::vector<record::Document>& documents, std::ostream& out) {
  std::vector<report::Source> sources;
  for (const record::Document& document : documents) sources.push_back({"", &document, {}});
  write({}, sources, out);
}

void add_report(CLI::App& app, int& exit_code) {
  auto* command =
      app.add_subcommand("report", "Records as a table, for reading, publishing or plotting");
  auto o = std::make_shared<Options>();
  command->add_option("files", o->files, "Records, or journals of runs that were killed")
      ->required();
  std::string known;
  for (const report::Format& format : report::formats())
    known += (known.empty() ? "" : ", ") + std::string(format.name);
  command->add_option("--format", o->format, known)->capture_default_str();
  command->add_option("--out", o->out, "A file instead of standard output");
  command
      ->add_option("--group-by", o->table.group_by,
                   "Columns that make a group, separated by commas")
      ->delimiter(',');
  command
      ->add_option("--columns", o->table.columns,
                   "Columns to show, separated by commas; a wrong one, or `help`, lists all")
      ->delimiter(',');
  command->add_option("--sort", o->table.sort, "Column to sort by, as COLUMN or COLUMN:desc");
  command->add_option(
      "--baseline", o->table.baseline,
      "Backend that the others are divided by, round by round: backend[:name[:variant]]");
  command
      ->add_option_function<std::string>(
          "--joules",
          [o](const std::string& word) {
            o->table.energy.joules = *report::joules_from_name(word);
          },
          "gross (all), idle (above idle power) or marginal (of more calls)")
      ->check(CLI::IsMember({"gross", "idle", "marginal"}))
      ->default_str("gross");
  command
      ->add_option_function<std::string>(
          "--max-uncertainty",
          [o](const std::string& text) { o->table.energy.most_uncertainty = share_of(text); },
          "Leave out energy whose interval reaches further than so many percent: 5%")
      ->check(percentage());
  command
      ->add_option("--usd-per-hour", o->table.pricing.usd_per_hour,
                   "Another price than the record's")
      ->check(positive_number());
  command->callback([o, &exit_code] { exit_code = run(*o); });
}

}  // namespace ergon::cli
