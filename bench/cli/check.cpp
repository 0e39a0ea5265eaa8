#include "bench/cli/check.h"

#include <fmt/format.h>

#include <cmath>
#include <iostream>

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

std::vector<record::Finding> check(const record::Document& document) {
  auto findings = record::verify(document);
  if (findings.empty()) findings = measure::recount(document);
  return findings.empty() ? measure::check_suite(document) : findings;
}

CheckedRecord read_checked(const std::string& file) {
  CheckedRecord out{record::read_document(file), {}};
  require_times(out.document, file);
  if (const auto findings = check(out.document); !findings.empty())
    out.warnings.push_back(warning_of(findings));
  for (std::string& text : record::unchecked(out.document)) out.warnings.push_back(std::move(text));
  for (const std::string& text : out.warnings)
    std::cerr << report::printable("warning: " + file + ": " + text) << '\n';
  return out;
}

}  // namespace ergon::cli
