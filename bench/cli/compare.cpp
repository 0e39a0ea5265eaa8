#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>

#include "bench/base/error.h"
#include "bench/cli/check.h"
#include "bench/cli/command.h"
#include "bench/cli/numbers.h"
#include "bench/cli/suite_options.h"
#include "bench/measure/follow.h"
#include "bench/measure/host.h"
#include "bench/measure/run.h"
#include "bench/record/journal.h"
#include "bench/report/compare.h"

namespace ergon::cli {
namespace {

namespace fs = std::filesystem;

// A ratio known to a quarter of the margin is told from one that lies half a margin away: at 2 %, a
// change of 3 % is found slower, and one of 1 % the same, in 95 of 100 rows.
constexpr double known_part_of_margin = 0.25;

struct Options {
  std::string base, fresh;
  bool live = false;
  bool as_json = false;
  std::string measure = "seconds";
  report::CompareOptions compare;
  SuiteOptions suite;
  measure::RunOptions run;
};

int tell(const report::Comparison& comparison, bool as_json) {
  if (as_json)
    report::write_comparison_json(comparison, std::cout);
  else
    report::write_comparison(comparison, std::cout);
  return report::exit_code(comparison);
}

report::Side side_of(const std::string& file, const CheckedRecord& record) {
  report::Side side = report::whole_side(file, record.document);
  side.warnings = record.warnings;
  return side;
}

int compare_files(const Options& o) {
  const CheckedRecord base = read_checked(o.base), fresh = read_checked(o.fresh);
  const auto comparison = from_records({o.base, o.fresh}, [&] {
    return report::compare(side_of(o.base, base), side_of(o.fresh, fresh), o.compare);
  });
  return tell(comparison, o.as_json);
}

// The names that the two libraries got, in the order in which they were given.
std::pair<std::string, std::string> names_of(const Registry& registry) {
  std::vector<std::string> names;
  for (const auto& implementation : registry.implementations()) {
    const auto& info = implementation->info();
    if (info.backend != "cblas") continue;
    if (const auto why = implementation->unavailable())
      throw UserError({"command line", 0, "--live"}, info.name + ": " + *why);
    names.push_back(info.name);
  }
  if (names.size() != 2)
    throw UserError({"command line", 0, "--live"}, "takes two CBLAS libraries");
  return {names[0], names[1]};
}

fs::path temporary_record() {
  return fs::temp_directory_path() / ("ergon-live-" + std::to_string(getpid()) + ".json");
}

int compare_libraries(Options& o) {
  o.suite.registry.blas = {o.base, o.fresh};
  o.suite.cases.backends = {"cblas"};
  const measure::Machine machine(o.suite.registry);
  const auto [base, fresh] = names_of(machine.registry);
  const config::Suite suite = o.suite.load();
  o.run.cases = o.suite.cases;
  o.run.evidence.meters = {"none"};
  o.run.ratio_interval = known_part_of_margin * o.compare.margin;
  o.run.command = measure::command_line();
  const bool keep = !o.run.out.empty();
  if (!keep) o.run.out = temporary_record().string();
  const auto catalogue = config::load_hardware(configs_folder() + "/hardware");
  const record::Document document = measure::run(suite, machine, catalogue, o.run);
  if (!keep) fs::remove(o.run.out);
  return tell(report::compare(report::labelled_side("cblas:" + base, document),
                              report::labelled_side("cblas:" + fresh, document), o.compare),
              o.as_json);
}

// Another build of this program, rather than a library.
bool is_program(const std::string& path) {
  std::error_code ignored;
  return path.find('/') != std::string::npos && path.find(".so") == std::string::npos &&
         fs::is_regular_file(path, ignored) && access(path.c_str(), X_OK) == 0;
}

// "build/ergon (0.1.0 0123456789ab)"
std::string named(const std::string& program, const record::Build& build) {
  return program + " (" + build.version + (build.commit.empty() ? "" : " " + build.commit) + ")";
}

int compare_builds(const Options& o) {
  measure::LiveBuilds builds;
  builds.base = o.base;
  builds.fresh = o.fresh;
  const config::Suite suite = o.suite.load();
  builds.effort.ratio_interval = known_part_of_margin * o.compare.margin;
  builds.seed = suite.seed;
  builds.budget_seconds = o.run.budget_seconds.value_or(suite.budget_seconds.value_or(240));
  builds.arguments = {suite.file};
  if (!o.suite.cases.filter.empty()) builds.arguments.push_back("--filter=" + o.suite.cases.filter);
  if (o.suite.cases.cache) builds.arguments.push_back("--cache=" + *o.suite.cases.cache);
  for (const std::string& count : o.suite.cases.threads)
    builds.arguments.push_back("--threads=" + count);
  if (o.suite.registry.isa)
    builds.arguments.push_back("--isa=" + std::string(simd::name(*o.suite.registry.isa)));
  builds.arguments.push_back(
      fmt::format("--budget={}", std::min(builds.budget_seconds, longest_budget_seconds)));
  const record::Document document = measure::lead(builds);
  if (!o.run.out.empty()) record::write_document(o.run.out, document, false);
  auto comparison = report::compare(report::labelled_side("base", document),
                                    report::labelled_side("new", document), o.compare);
  comparison.base = named(o.base, document.run.ergon);
  comparison.fresh = named(o.fresh, document.run.other_build->ergon);
  return tell(comparison, o.as_json);
}

void add_options(CLI::App& command, Options& o) {
  command
      .add_option("base", o.base,
                  "Record; with --live a CBLAS library or another build of this program")
      ->required();
  command
      .add_option("new", o.fresh,
                  "Record; with --live a CBLAS library or another build of this program")
      ->required();
  command.add_option("--margin", o.compare.margin, "A ratio within 1 +- margin is the same")
      ->capture_default_str()
      ->check(number_between(0, 1));
  command
      .add_option(
          "--launch-spread", o.compare.launch_spread,
          "How far two launches of one thing may be apart; widens the ratio of records with "
          "fewer than six launches")
      ->capture_default_str()
      ->check(number_between(0, 1));
  command.add_option("--measure", o.measure, "seconds or joules: what the exit code follows")
      ->check(CLI::IsMember({"seconds", "joules"}));
  command.add_flag("--across-hosts", o.compare.across_hosts,
                   "Compare records of different machines");
  command.add_flag("--json", o.as_json, "The comparison as JSON");
  command.add_flag("--live", o.live,
                   "Measure now: two libraries or two builds, alternated inside rounds");
  auto* live = command.get_option("--live");
  command
      .add_option("--suite", o.suite.suite, "With --live: the suite [configs/suites/quick.toml]")
      ->check(names_a_file())
      ->needs(live);
  command
      .add_option("--filter", o.suite.cases.filter, "With --live: only cases this expression finds")
      ->needs(live);
  command.add_option("--threads", o.suite.cases.threads, "With --live: thread counts")
      ->delimiter(',')
      ->needs(live);
  command.add_option("--cache", o.suite.cases.cache, "With --live: cold, warm or both")
      ->check(CLI::IsMember({"cold", "warm", "both"}))
      ->needs(live);
  add_isa_option(command, o.suite.registry)->needs(live);
  command.add_option("--budget", o.run.budget_seconds, "With --live: seconds of measuring")
      ->check(positive_number(longest_budget_seconds))
      ->needs(live);
  command.add_option("--out", o.run.out, "With --live: keep the record here")
      ->check(names_a_file())
      ->needs(live);
}

}  // namespace

void add_compare(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand(
      "compare", "Is the new one faster, slower, the same? Or can that not be told?");
  command->footer(
      "Verdicts come from the 95 % interval of the ratio against the margin. Two records of "
      "`run --launches 6`\n"
      "or more: launch against launch. Fewer: window against window, widened by --launch-spread.\n"
      "--live: ratios within rounds, so that drift of the machine hits both sides alike.\n"
      "Exit code: 0 same or better, 1 worse somewhere, 2 a mistake in what was asked, 3 cannot "
      "tell.");
  auto o = std::make_shared<Options>();
  add_options(*command, *o);
  command->callback([o, &exit_code] {
    o->compare.measure =
        o->measure == "joules" ? report::Measure::joules : report::Measure::seconds;
    if (!o->live) {
      exit_code = compare_files(*o);
      return;
    }
    if (!o->run.out.empty()) record::require_new(o->run.out);
    if (is_program(o->base) != is_program(o->fresh))
      throw UserError({"command line", 0, "--live"}, "one is a program, the other a library");
    if (is_program(o->base)) {
      exit_code = compare_builds(*o);
      return;
    }
    measure::bind_threads();
    exit_code = compare_libraries(*o);
  });
}

}  // namespace ergon::cli
