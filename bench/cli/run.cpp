#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <memory>

#include "bench/cli/command.h"
#include "bench/cli/numbers.h"
#include "bench/cli/price.h"
#include "bench/cli/print_report.h"
#include "bench/cli/suite_options.h"
#include "bench/measure/follow.h"
#include "bench/measure/google_benchmark.h"
#include "bench/measure/host.h"
#include "bench/measure/run.h"

namespace ergon::cli {
namespace {

namespace fs = std::filesystem;

struct Options {
  SuiteOptions suite;
  measure::RunOptions run;
  std::string resume;
  std::string pages = "system";
  bool out_given = false;
  int launch_number = -1;
  std::string launch_record;
};

void add_options(CLI::App& app, Options& o) {
  o.suite.add_to(app);
  app.add_option("--meter", o.run.evidence.meters,
                 "auto (best that works), none, or meters that `doctor` lists, separated by "
                 "commas,\nthe first for what runs the rows;\n'command:[key=value...] PROGRAM' "
                 "runs a program that prints watts or "
                 "joules, log[:period=1]\nprepares for `energy attach` (docs/meters.md)")
      ->allow_extra_args(false)
      ->capture_default_str();
  app.add_flag("--trace", o.run.power_traces, "Keep a power trace of every energy window");
  app.add_option("--watts", o.run.evidence.watts,
                 "Declared watts of the whole machine, where no sensor counts them")
      ->check(positive_number());
  app.add_option("--usd-per-hour", o.run.evidence.usd_per_hour,
                 "What an hour of the whole machine costs")
      ->check(positive_number());
  app.add_option("--instance", o.run.evidence.instance,
                 "Cloud instance whose price applies, as in configs/prices");
  app.add_option("--out", o.run.out, "Where the record goes [results/local/SUITE-TIME.json]");
  app.add_flag("--overwrite", o.run.overwrite, "Replace an existing record");
  app.add_option("--resume", o.resume, "Go on with the journal of this record");
  app.add_option("--budget", o.run.budget_seconds, "Seconds of measuring, all cases together")
      ->check(positive_number(longest_budget_seconds));
  app.add_option("--launches", o.run.launches,
                 "Fresh processes; from six on, intervals span launches")
      ->check(CLI::Range(1, 1000));
  app.add_option("--pages", o.pages, "Pages of our buffers: system, small (4 KiB) or huge (2 MiB)")
      ->check(CLI::IsMember({"system", "small", "huge"}));
  app.add_option("--launch-number", o.launch_number)->group("");
  app.add_option("--launch-record", o.launch_record)->group("");
  app.add_flag("--follow", o.run.follow)->group("");
}

// Where and how long a run goes on, and which file its suite was read from, may differ: the suite's
// digest is compared apart.
std::vector<std::string> settings_of(const std::vector<std::string>& command) {
  if (command.empty()) return command;
  CLI::App app;
  Options o;
  add_options(*app.add_subcommand("run"), o);
  std::vector<std::string> words(command.rbegin(), command.rend() - 1);  // CLI11 reads backwards
  try {
    app.parse(words);
  } catch (const CLI::Error&) {
    return command;
  }
  const auto number = [](const std::optional<double>& value) {
    return value ? fmt::format("{}", *value) : std::string();
  };
  const auto& evidence = o.run.evidence;
  return {o.suite.cases.filter,
          fmt::format("{}", fmt::join(o.suite.cases.backends, ",")),
          fmt::format("{}", fmt::join(o.suite.cases.threads, ",")),
          o.suite.cases.cache.value_or(""),
          fmt::format("{}", fmt::join(o.suite.registry.blas, ",")),
          o.suite.registry.isa ? std::string(simd::name(*o.suite.registry.isa)) : "",
          fmt::format("{}", fmt::join(evidence.meters, ",")),
          number(evidence.watts),
          number(evidence.usd_per_hour),
          evidence.instance.value_or(""),
          std::to_string(o.run.launches),
          o.pages};
}

PagePolicy page_policy_of(const std::string& word) {
  if (word == "small") return PagePolicy::small;
  return word == "huge" ? PagePolicy::huge : PagePolicy::system;
}

std::string default_out(const config::Suite& suite) {
  char time[32];
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::strftime(time, sizeof time, "%Y%m%d-%H%M%S", &parts);
  std::error_code error;
  fs::create_directories("results/local", error);
  if (error) throw UserError({"results/local", 0, ""}, "cannot be created: " + error.message());
  std::string name = suite.name;
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '_') c = '_';
  return "results/local/" + name + "-" + time + ".json";
}

int with_google_benchmark(const CLI::App& app, const Options& o,
                          const std::vector<std::string>& flags) {
  for (const char* ours : {"--out", "--resume", "--launches", "--budget", "--meter", "--watts",
                           "--usd-per-hour", "--instance", "--pages", "--overwrite"})
    if (app.get_option(ours)->count() > 0)
      throw UserError({"command line", 0, ours},
                      "cannot stand beside Google Benchmark's flags: they run its own "
                      "loop, which writes no record and reads no meter");
  const measure::Machine machine(o.suite.registry);
  const config::Suite suite = o.suite.load();
  auto cases = measure::make_cases(suite, machine, o.suite.cases);
  measure::make_blocks(cases, measure::usable_memory_bytes());  // for its `skip`
  return measure::run_google_benchmark(cases, flags, suite.seed);
}

bool any_bad(const record::Document& document) {
  return std::any_of(document.rows.begin(), document.rows.end(), [](const record::Row& row) {
    return row.status == "wrong" || row.status == "failed" || row.status == "impossible";
  });
}

// By the name it was called: it need not be on the PATH.
void print_hints(const std::string& program, const std::string& out) {
  fmt::print("\nrecord    {}\n", out);
  fmt::print("check     {} verify {}\n", program, out);
  fmt::print("publish   {} report {} --format markdown\n", program, out);
  fmt::print("compare   {} compare BASE.json {}\n", program, out);
}

int with_record(Options& o) {
  const config::Suite suite = o.suite.load();
  const auto catalogue = config::load_hardware(configs_folder() + "/hardware");
  o.run.cases = o.suite.cases;
  o.run.pages = page_policy_of(o.pages);
  o.run.command = measure::command_line();
  o.run.settings_of = settings_of;
  o.run.prices = applying_prices(o.run.evidence, catalogue);
  if (!o.resume.empty()) {
    if (!o.run.out.empty())
      throw UserError({"command line", 0, "--out"},
                      "cannot stand beside --resume, which names the record");
    o.run.out = o.resume;
    o.run.resume = true;
  }
  if (!o.launch_record.empty()) o.run.out = o.launch_record;
  if (o.out_given && o.run.out.empty())
    throw UserError({"command line", 0, "--out"}, "names no file");
  if (o.run.out.empty()) o.run.out = default_out(suite);
  const measure::Machine machine(o.suite.registry);
  if (o.launch_number >= 0) {
    measure::run_launch(suite, machine, catalogue, o.run, o.launch_number);
    return 0;
  }
  const record::Document document = measure::run(suite, machine, catalogue, o.run);
  if (o.run.follow) return 0;
  print_table({document}, std::cout);
  print_hints(o.run.command.front(), o.run.out);
  return any_bad(document) ? 1 : 0;
}

}  // namespace

void add_run(CLI::App& app, int& exit_code) {
  auto* command =
      app.add_subcommand("run", "Measures a suite, prints its table and keeps its record");
  command->footer(
      "Google Benchmark's flags (--benchmark_filter=, --benchmark_list_tests, "
      "--benchmark_min_time=,\n"
      "--benchmark_repetitions=, --benchmark_out=, ...) run the cases through Google Benchmark "
      "instead:\n"
      "its console and JSON, no interleaving, no energy, no record.\n"
      "Exit code: 0 done, 1 a row is wrong, failed or impossible, 2 a mistake in what was asked.");
  command->allow_extras();
  auto options = std::make_shared<Options>();
  add_options(*command, *options);
  command->callback([command, options, &exit_code] {
    const std::vector<std::string> extra = command->remaining();
    for (const std::string& word : extra)
      if (!measure::is_google_benchmark_flag(word))
        throw UserError({"command line", 0, word},
                        "there is no such option; `ergon run --help` shows all");
    options->out_given = command->get_option("--out")->count() > 0;
    measure::bind_threads();
    try {
      exit_code =
          extra.empty() ? with_record(*options) : with_google_benchmark(*command, *options, extra);
    } catch (const measure::LeaderGone&) {
      exit_code = 2;
    }
  });
}

}  // namespace ergon::cli
