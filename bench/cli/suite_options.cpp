#include "bench/cli/suite_options.h"

#include <cstdlib>
#include <filesystem>

#include "kernels/devices/cpu.h"

namespace ergon::cli {

namespace fs = std::filesystem;

std::string configs_folder() {
  if (const char* given = std::getenv("ERGON_CONFIGS")) {
    if (!fs::is_directory(given))
      throw UserError({"ERGON_CONFIGS", 0, ""}, std::string(given) + " is no folder");
    return given;
  }
  std::error_code ignored;
  const fs::path program = fs::read_symlink("/proc/self/exe", ignored);
  for (fs::path folder = program.parent_path(); !folder.empty(); folder = folder.parent_path()) {
    if (fs::is_directory(folder / "configs" / "suites")) return (folder / "configs").string();
    if (folder == folder.root_path()) break;
  }
  if (fs::is_directory("configs/suites")) return "configs";
  if (fs::is_directory(ERGON_SOURCE_CONFIGS)) return ERGON_SOURCE_CONFIGS;
  throw UserError("no configs/ folder above the program or here; set ERGON_CONFIGS to it");
}

Maybe<std::string> models_folder() {
  try {
    std::string folder = configs_folder() + "/models";
    if (fs::is_directory(folder)) return folder;
    return Absent{folder + " is no folder"};
  } catch (const UserError& error) {
    return Absent{error.what()};
  }
}

CLI::Validator names_a_file() {
  return {
      [](const std::string& text) -> std::string { return text.empty() ? "names no file" : ""; },
      ""};
}

namespace {

/// "portable, avx2": what this processor has.
std::string isas_here() {
  std::string out;
  for (const simd::Isa isa :
       {simd::Isa::portable, simd::Isa::neon, simd::Isa::avx2, simd::Isa::avx512})
    if (simd::available(isa, cpu_info()))
      out += (out.empty() ? "" : ", ") + std::string(simd::name(isa));
  return out;
}

std::string fault_of_isa(const std::string& text) {
  const auto isa = simd::isa_from_name(text);
  if (isa && simd::available(*isa, cpu_info())) return {};
  return "'" + text + (isa ? "' is not on this processor" : "' is no instruction set") +
         "; there are: " + isas_here();
}

}  // namespace

CLI::Option* add_isa_option(CLI::App& app, RegistryOptions& registry) {
  return app
      .add_option_function<std::string>(
          "--isa",
          [&registry](const std::string& text) { registry.isa = simd::isa_from_name(text); },
          "Instruction set of our own kernels: portable, neon, avx2 or avx512 [the best here]")
      ->check({fault_of_isa, ""});
}

void SuiteOptions::add_to(CLI::App& app) {
  app.add_option("suite", suite, "Suite file (TOML) [configs/suites/quick.toml]")
      ->check(names_a_file());
  app.add_option("--filter", cases.filter,
                 "Only cases whose full name this regular expression finds");
  app.add_option(
         "--backend", cases.backends,
         "Backends, as `backend[:name[:variant]]`, separated by commas: onednn,cblas:openblas")
      ->delimiter(',');
  app.add_option("--threads", cases.threads,
                 "Thread counts, separated by commas; \"all\" for all allowed")
      ->delimiter(',');
  app.add_option("--cache", cases.cache, "cold, warm or both")
      ->check(CLI::IsMember({"cold", "warm", "both"}));
  app.add_option("--blas", registry.blas,
                 "CBLAS libraries by name (openblas, blis, mkl) or path, separated by commas")
      ->delimiter(',');
  add_isa_option(app, registry);
}

config::Suite SuiteOptions::load() const {
  const std::string file = suite.empty() ? configs_folder() + "/suites/quick.toml" : suite;
  return config::load_suite(file, models_folder());
}

}  // namespace ergon::cli
