#include "bench/measure/suite_rows.h"

#include <set>
#include <string>

#include "bench/base/error.h"
#include "bench/config/suite.h"
#include "bench/record/lookup.h"
#include "kernels/kernel.h"
#include "kernels/registry.h"

namespace ergon::measure {
namespace {

const Family* family_of(const std::string& kernel) {
  for (const Family* family : families())
    if (family->name() == kernel) return family;
  return nullptr;
}

std::string with_formats(const std::string& name, std::string_view inputs, std::string_view weights,
                         std::string_view accumulate, std::string_view output) {
  std::string text = name;
  for (const std::string_view part : {inputs, weights, accumulate, output})
    text += " " + std::string(part);
  return text;
}

std::string text_of(const Workload& workload) {
  const TypeNames types = workload.dtypes();
  return with_formats(workload.name(), types.inputs, types.weights, types.accumulate, types.output);
}

std::string text_of(const record::Row& row) {
  return with_formats(row.case_name, row.dtype.inputs, row.dtype.weights, row.dtype.accumulate,
                      row.dtype.output);
}

/// Every case of the suite, as text_of says it. Throws UserError, InvalidField.
std::set<std::string> cases_of(const config::Suite& suite) {
  std::set<std::string> out;
  for (const config::SuiteEntry& entry : suite.entries) {
    const Family* family = family_of(entry.kernel);
    if (!family) continue;
    for (const config::SuiteCase& one : config::expand(entry)) {
      FieldMap fields;
      for (const auto& [field, value] : one) fields.emplace(field, value.value);
      out.insert(text_of(*family->make(fields)));
    }
  }
  return out;
}

void check_run(const record::Run& run, const config::Suite& suite, SuiteCheck& check) {
  if (suite.name != run.suite.name)
    check.findings.push_back({"/run/suite/name", "is not that of the suite's text, " + suite.name});
  if (suite.seed != run.seed)
    check.findings.push_back(
        {"/run/seed", "is not that of the suite's text, " + std::to_string(suite.seed)});
}

void check_rows(const record::Document& document, const config::Suite& suite,
                const std::string& models, SuiteCheck& check) {
  const std::set<std::string> cases = cases_of(suite);
  for (std::size_t i = 0; i < document.rows.size(); ++i) {
    const record::Row& row = document.rows[i];
    if (record::is_ceiling(row) || row.imported_from || !family_of(row.kernel)) continue;
    if (!cases.contains(text_of(row)))
      check.findings.push_back({"/rows/" + std::to_string(i) + "/case (" + record::key(row) + ")",
                                "is no case of the suite's text" + models});
  }
}

/// False, with the reason told, where they are not all here.
bool has_shapes(config::Suite& suite, const Maybe<std::string>& models_folder, SuiteCheck& check) {
  try {
    config::find_shapes(suite, models_folder);
    return true;
  } catch (const UserError& error) {
    check.unchecked.push_back(
        std::string("its rows were not looked for among the cases of its suite: ") + error.what());
    return false;
  }
}

}  // namespace

SuiteCheck check_suite(const record::Document& document, const Maybe<std::string>& models_folder) {
  SuiteCheck check;
  const std::string& text = document.run.suite.text;
  if (text.empty()) return check;
  try {
    config::Suite suite = config::parse_suite(text, "suite");
    check_run(document.run, suite, check);
    if (!has_shapes(suite, models_folder, check)) return check;
    const std::string models =
        config::names_models(suite) ? " and the models in " + *models_folder : "";
    check_rows(document, suite, models, check);
  } catch (const UserError& error) {
    check.findings.push_back({"/run/suite/text", std::string("is no suite: ") + error.what()});
  } catch (const InvalidField& error) {
    check.findings.push_back(
        {"/run/suite/text", "has a case that cannot be: " + error.field + " " + error.what()});
  }
  return check;
}

}  // namespace ergon::measure
