// One function per subcommand: it declares its options on `app` and, when chosen, leaves its exit
// code.
#pragma once

#include <CLI/CLI.hpp>

namespace ergon::cli {

void add_run(CLI::App& app, int& exit_code);
void add_list(CLI::App& app, int& exit_code);
void add_report(CLI::App& app, int& exit_code);
void add_compare(CLI::App& app, int& exit_code);
void add_doctor(CLI::App& app, int& exit_code);
void add_energy(CLI::App& app, int& exit_code);
void add_verify(CLI::App& app, int& exit_code);

}  // namespace ergon::cli
