#include <cstdio>
#include <exception>
#include <iostream>

#include "bench/base/error.h"
#include "bench/cli/command.h"
#include "bench/measure/host.h"
#include "bench/report/text.h"

namespace {

constexpr int users_mistake = 2, no_answer = 3, failure = 4;

constexpr const char* footer =
    "Exit code: 0 done, 1 worse, wrong or inconsistent, 2 a mistake in what was asked, 3 cannot "
    "tell,\n4 the program itself failed (out of memory, or an error it does not expect).";

}  // namespace

int main(int argc, char** argv) {
  using namespace ergon;
  CLI::App app{
      "Measures kernels of AI models and says what a result costs: speed, joules, dollars."};
  app.require_subcommand(1);
  app.footer(footer);
  app.set_version_flag("--version", [] {
    const auto build = measure::describe_build();
    return "ergon " + build.version + " (" + build.commit + ", " + build.build_type + ")";
  });
  int exit_code = 0;
  for (const auto add : {cli::add_run, cli::add_list, cli::add_report, cli::add_compare,
                         cli::add_doctor, cli::add_energy, cli::add_verify})
    add(app, exit_code);
  try {
    app.parse(argc, argv);
    std::cout.flush();
    if (!std::cout || std::fflush(stdout) != 0)
      throw UserError("standard output cannot be written");
    return exit_code;
  } catch (const CLI::Success& done) {  // --help, --version
    return app.exit(done);
  } catch (const CLI::ParseError& error) {
    std::fprintf(stderr, "error: command line: %s\n", report::printable(error.what()).c_str());
  } catch (const UserError& error) {
    std::fprintf(stderr, "error: %s\n", report::printable(error.what()).c_str());
  } catch (const CannotTell& error) {
    std::fprintf(stderr, "error: %s\n", report::printable(error.what()).c_str());
    return no_answer;
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "error: out of memory\n");
    return failure;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: unexpected: %s\n", report::printable(error.what()).c_str());
    return failure;
  }
  return users_mistake;
}
