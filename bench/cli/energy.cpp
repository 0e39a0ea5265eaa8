#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>

#include "bench/base/error.h"
#include "bench/base/sha256.h"
#include "bench/cli/command.h"
#include "bench/cli/numbers.h"
#include "bench/cli/suite_options.h"
#include "bench/measure/attach.h"
#include "bench/meters/iso_time.h"
#include "bench/record/journal.h"
#include "bench/record/read.h"
#include "bench/record/verify.h"
#include "bench/report/text.h"

namespace ergon::cli {
namespace {

constexpr int cannot_tell = 3;

struct AttachArguments {
  std::string record, log, out;
  std::string scope = "wall", unit, utc_offset, time_column, value_column;
  std::string uncertainty = "0.01";
  std::optional<double> average;
};

std::string text_of_log(const std::string& path) {
  if (std::error_code none; std::filesystem::is_directory(path, none))
    throw UserError({path, 0, ""}, "is a folder");
  std::ifstream file(path, std::ios::binary);
  if (!file) throw UserError({path, 0, ""}, "cannot be opened");
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (file.bad()) throw UserError({path, 0, ""}, "cannot be read");
  return text;
}

LogOptions log_options(const AttachArguments& arguments) {
  LogOptions options;
  options.time_column = arguments.time_column;
  options.value_column = arguments.value_column;
  if (!arguments.unit.empty()) {
    options.unit = unit_from_name(arguments.unit);
    if (!options.unit)
      throw UserError({"command line", 0, "--unit"},
                      "'" + arguments.unit + "' is none of " + known_units());
  }
  if (!arguments.utc_offset.empty()) {
    options.zone_seconds = zone_seconds_from(arguments.utc_offset);
    if (!options.zone_seconds)
      throw UserError({"command line", 0, "--utc-offset"},
                      "'" + arguments.utc_offset + "' is no offset such as +01:00 or Z");
  }
  return options;
}

void print_attached(const measure::Attached& attached, const std::string& out) {
  const Alignment& found = attached.alignment;
  fmt::print(
      "clock     run = log {:+.3f} s, to within {:.3f} s; drift {:.0f} ppm, to within {:.0f} "
      "ppm; by {} edges\n",
      found.offset_seconds, found.error_seconds, found.drift * 1e6, found.drift_error * 1e6,
      found.edges);
  fmt::print("windows   {} of {} have joules", attached.with_joules, attached.windows);
  if (!attached.first_reason.empty())
    fmt::print("; the first of the others: {}", report::printable(attached.first_reason));
  fmt::print("\nmeter     {}\nrecord    {}\n", report::printable(attached.meter), out);
}

/// What is wrong with the record is told with its name.
Maybe<measure::Attached> attach_log(record::Document& document, const PowerLog& log,
                                    const measure::AttachOptions& options,
                                    const std::string& record) {
  try {
    return measure::attach_log(document, log, options);
  } catch (const UserError& error) {
    if (!error.where().file.empty()) throw;
    throw UserError({record, 0, ""}, error.what());
  }
}

int attach(const AttachArguments& arguments) {
  record::Document document = record::read_document(arguments.record);
  if (!document.run.complete)
    throw UserError({arguments.record, 0, "/run/complete"},
                    "the run is not finished; go on with --resume first");
  const std::string text = text_of_log(arguments.log);
  const PowerLog log = parse_power_log(text, arguments.log, log_options(arguments));
  measure::AttachOptions options;
  options.file = arguments.log;
  options.sha256 = sha256_hex(text);
  options.traits.scope = *scope_from_name(arguments.scope);
  options.traits.relative_uncertainty = share_of(arguments.uncertainty);
  options.traits.averaging_seconds = arguments.average;
  const std::size_t before = record::verify(document).size();
  const auto attached = attach_log(document, log, options, arguments.record);
  if (!attached) {
    fmt::print(stderr, "error: {}: {}\n", report::printable(arguments.log),
               report::printable(attached.reason()));
    return cannot_tell;
  }
  const auto findings = record::verify(document);
  if (findings.size() > before) {
    fmt::print(stderr, "error: {}: not attached, the record would not agree with itself: {}: {}\n",
               report::printable(arguments.log), report::printable(findings.back().where),
               report::printable(findings.back().what));
    return cannot_tell;
  }
  const std::string out = arguments.out.empty() ? arguments.record : arguments.out;
  record::write_document(out, document, arguments.out.empty());
  print_attached(*attached, out);
  return 0;
}

CLI::Validator one_of_the_scopes() {
  return {[](const std::string& text) -> std::string {
            return scope_from_name(text) ? ""
                                         : "'" + text +
                                               "' is none of core, package, package+dram, board, "
                                               "node, wall";
          },
          ""};
}

}  // namespace

void add_energy(CLI::App& app, int& exit_code) {
  auto* energy = app.add_subcommand("energy", "Energy of runs that are over");
  energy->require_subcommand(1);
  auto* command = energy->add_subcommand(
      "attach", "Puts the joules of a power log (CSV) into the record of a run with --meter log");
  command->footer(
      "The offset and drift of the log's clock are found from the run's idle and busy times "
      "(docs/meters.md).\n"
      "Exit code: 0 done, 2 a mistake in what was asked, 3 the log cannot be aligned or tells "
      "nothing.");
  auto arguments = std::make_shared<AttachArguments>();
  command->add_option("record", arguments->record, "Record of the run")
      ->required()
      ->check(names_a_file());
  command->add_option("log", arguments->log, "CSV of time and watts, joules or watt-hours")
      ->required()
      ->check(names_a_file());
  command->add_option("--scope", arguments->scope, "What it measures")
      ->check(one_of_the_scopes())
      ->capture_default_str();
  command->add_option("--unit", arguments->unit, "Unit of the value [that in its column's name]");
  command
      ->add_option("--uncertainty", arguments->uncertainty,
                   "Relative uncertainty of its calibration")
      ->check(percentage_or_none())
      ->capture_default_str();
  command
      ->add_option("--average", arguments->average,
                   "Seconds over which its watts are means [found from its edges]")
      ->check(number_between(0, 3600));
  command->add_option("--time-column", arguments->time_column, "Name or number, from 1");
  command->add_option("--value-column", arguments->value_column, "Name or number, from 1");
  command->add_option("--utc-offset", arguments->utc_offset,
                      "Zone of times that name none, as +01:00");
  command->add_option("--out", arguments->out, "Where the record goes [replaces the old one]")
      ->check(names_a_file());
  command->callback([arguments, &exit_code] { exit_code = attach(*arguments); });
}

}  // namespace ergon::cli
