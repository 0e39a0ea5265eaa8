// What `run`, `list` and `compare --live` share: which suite, narrowed how, with which libraries.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "bench/base/maybe.h"
#include "bench/config/suite.h"
#include "bench/measure/case.h"

namespace ergon::cli {

struct SuiteOptions {
  std::string suite;
  measure::CaseOptions cases;
  RegistryOptions registry;

  void add_to(CLI::App& app);
  config::Suite load() const;
};

/// --isa: the instruction set of our own kernels. Refused where this processor has none such.
CLI::Option* add_isa_option(CLI::App& app, RegistryOptions& registry);

/// Refuses '', which is not the same as nothing.
CLI::Validator names_a_file();

/// The folder of configs/: ERGON_CONFIGS, above the program, below the current folder, or in the
/// tree the program was built from. Throws UserError where none exists.
std::string configs_folder();

/// Its models/; Absent, with the reason, where there is no such folder.
Maybe<std::string> models_folder();

}  // namespace ergon::cli
