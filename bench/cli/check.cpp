#include "bench/cli/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <iterator>

#include "bench/cli/suite_options.h"
#include "bench/measure/recount.h"
#include "bench/measure/suite_rows.h"
#include "bench/record/read.h"

namespace ergon::cli {
namespace {

/// The schema allows any number from 0, but nothing can be divided by 5e-324 s over 100 calls.
void require_times(const record::Document& document, const std::string& file) {
  for (std::size_t r = 0; r < document.rows.size(); ++r) {
    const auto& samples = document.rows[r].samples;
    for (std::size_t s = 0; s < samples.size(); ++s) {
      const double per_call = samples[s].seconds / static_cast<double>(samples[s].calls);
      if (std::isfinite(per_call) && per_call > 0) continue;
      throw UserError({file, 0, fmt::format("/rows/{}/time/samples/{}/seconds", r, s)},
                      fmt::format("{} over {} calls is no time per call", samples[s].seconds,
                                  samples[s].calls));
    }
  }
}

std::string warning_of(const std::vector<record::Finding>& findings) {
  return fmt::format(
      "does not agree with itself: {}, the first at {}: {}; `ergon verify` lists all",
      record::summary(findings), findings.front().where, findings.front().what);
}

}  // namespace

Check check(const record::Document& document) {
  Check out{record::verify(document), record::unchecked(document)};
  if (out.findings.empty()) out.findings = measure::recount(document);
  if (!out.findings.empty()) return out;
  measure::SuiteCheck suite = measure::check_suite(document, models_folder());
  out.findings = std::move(suite.findings);
  std::move(suite.unchecked.begin(), suite.unchecked.end(), std::back_inserter(out.unchecked));
  return out;
}

CheckedRecord read_checked(const std::string& file) {
  CheckedRecord out{record::read_document(file), {}};
  require_times(out.document, file);
  Check found = check(out.document);
  if (!found.findings.empty()) out.warnings.push_back(warning_of(found.findings));
  for (std::string& text : found.unchecked) out.warnings.push_back(std::move(text));
  for (const std::string& text : out.warnings)
    std::cerr << report::printable("warning: " + file + ": " + text) << '\n';
  return out;
}

}  // namespace ergon::cli
