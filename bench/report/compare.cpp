#include "bench/report/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

#include "bench/base/error.h"
#include "bench/record/lookup.h"
#include "bench/report/columns.h"
#include "bench/report/conditions.h"
#include "bench/report/covers.h"
#include "bench/report/text.h"
#include "bench/stats/stats.h"

namespace ergon::report {
namespace {

using record::Document;
using record::Row;

/// What record::key reads, without the samples.
Row identity(const Row& row) {
  Row out;
  out.case_name = row.case_name;
  out.kernel = row.kernel;
  out.implementation = row.implementation;
  out.dtype = row.dtype;
  out.device = row.device;
  out.threads = row.threads;
  out.cache = row.cache;
  out.imported_from = row.imported_from;
  return out;
}

/// Removes `label` from `text` where it is all of it or follows its '@'.
bool remove_label(std::string& text, const std::string& label) {
  if (text == label) {
    text.clear();
    return true;
  }
  if (!text.ends_with("@" + label)) return false;
  text.resize(text.size() - label.size() - 1);
  return true;
}

/// Whether the implementation carries the label, which is then taken from it.
bool take_label(record::Implementation& implementation, const std::string& label) {
  if (selects(label, implementation)) {
    const auto parts = std::ranges::count(label, ':');
    implementation.backend.clear();
    implementation.name.clear();
    if (parts == 2) implementation.variant.clear();
    return true;
  }
  return remove_label(implementation.variant, label) || remove_label(implementation.name, label);
}

Outcome outcome_of(stats::Verdict verdict) {
  switch (verdict) {
    case stats::Verdict::faster:
      return Outcome::better;
    case stats::Verdict::slower:
      return Outcome::worse;
    case stats::Verdict::same:
      return Outcome::same;
    default:
      return Outcome::cannot_tell;
  }
}

Judgement judge(const Maybe<Ratio>& ratio, double margin) {
  if (!ratio) return {Outcome::cannot_tell, ratio, ratio.reason()};
  return {outcome_of(stats::verdict(ratio->estimate, margin)), ratio, {}};
}

Judgement judge_status(const Row& base, const Row& fresh) {
  const auto base_why = without_figures(base), fresh_why = without_figures(fresh);
  const Absent none{"not compared"};
  if (!base_why && fresh_why)
    return {fresh.status == "skipped" ? Outcome::cannot_tell : Outcome::worse, none,
            "new is " + *fresh_why};
  if (base_why && !fresh_why) return {Outcome::not_compared, none, "base is " + *base_why};
  return {Outcome::not_compared, none, *fresh_why};
}

/// Two launches of one thing differ by more than the windows within either of them.
Maybe<Ratio> across_launches(Maybe<Ratio> ratio, const CompareOptions& options) {
  if (!ratio || ratio->spans_launches || options.launch_spread == 0) return ratio;
  Ratio wide = *ratio;
  wide.estimate.low /= 1 + options.launch_spread;
  wide.estimate.high *= 1 + options.launch_spread;
  return wide;
}

Judgement judge_seconds(const Row& base, const Row& fresh, bool one_run,
                        const CompareOptions& options) {
  for (const auto& [side, row] : {std::pair("base", &base), std::pair("new", &fresh)})
    if (!row->interval95) {
      const std::string why = std::string(side) + " has no interval: " + row->interval95.reason();
      return {Outcome::cannot_tell, Absent{why}, why};
    }
  const double margin = options.margin;
  if (!one_run) return judge(across_launches(unpaired_seconds(base, fresh), options), margin);
  const auto paired = paired_seconds(base, fresh);
  if (paired) return judge(paired, margin);
  Judgement judgement = judge(unpaired_seconds(base, fresh), margin);
  judgement.why = "not paired: " + paired.reason();
  return judgement;
}

double relative_error(const Row& row) {
  double joules = 0, error = 0;
  for (const auto& sample : row.energy->samples) {
    if (!sample.joules) continue;
    joules += *sample.joules;
    error += sample.error_joules;
  }
  return joules > 0 ? error / joules : 0;
}

/// Wider by the relative errors of each side's windows, and by a factor either way.
Estimate widened(const Estimate& ratio, double base_error, double fresh_error, double factor) {
  return {ratio.value, ratio.low * std::max(0.0, 1 - fresh_error) / (1 + base_error) / factor,
          base_error < 1 ? ratio.high * (1 + fresh_error) / (1 - base_error) * factor
                         : std::numeric_limits<double>::max()};
}

Judgement judge_joules(const Side& base_side, const Row& base, const Side& fresh_side,
                       const Row& fresh, bool one_host, const CompareOptions& options) {
  const auto cannot = [](std::string why) {
    return Judgement{Outcome::cannot_tell, Absent{why}, why};
  };
  if (!base.energy) return cannot("base has no energy: " + base.energy.reason());
  if (!fresh.energy) return cannot("new has no energy: " + fresh.energy.reason());
  const auto* base_meter = meter_of(*base_side.document, base);
  const auto* fresh_meter = meter_of(*fresh_side.document, fresh);
  if (!base_meter || !fresh_meter) return cannot("a meter is not described by its record");
  for (const auto& [name, side, row] :
       {std::tuple("base", &base_side, &base), std::tuple("new", &fresh_side, &fresh)})
    if (const auto why = why_not_covered(*side->document, *row))
      return cannot(std::string(name) + " has no energy: " + *why);
  if (!is_evidence(*base_meter) || !is_evidence(*fresh_meter))
    return cannot("energy is modelled from time");
  if (base_meter->scope != fresh_meter->scope)
    return cannot("scopes differ: " + base_meter->scope + " / " + fresh_meter->scope);
  Maybe<Ratio> ratio = unpaired_joules(base, fresh);
  if (base_side.document != fresh_side.document) ratio = across_launches(ratio, options);
  if (!ratio) return cannot(ratio.reason());
  // One meter's calibration moves both sides alike.
  const bool one_meter =
      one_host && base_meter->id == fresh_meter->id && base_meter->about == fresh_meter->about;
  const double calibrations =
      one_meter ? 1
                : (1 + base_meter->relative_uncertainty) * (1 + fresh_meter->relative_uncertainty);
  Ratio wide = *ratio;
  wide.estimate = widened(wide.estimate, relative_error(base), relative_error(fresh), calibrations);
  return judge(wide, options.margin);
}

const Row* find(const Side& side, const std::string& key) {
  const auto found =
      std::ranges::find(side.rows, key, [](const auto& entry) { return entry.first; });
  return found == side.rows.end() ? nullptr : found->second;
}

void add_row(Side& side, const std::string& key, const Row& row) {
  if (find(side, key))
    throw UserError({side.label, 0, key}, "several rows fit; say backend:name:variant");
  side.rows.emplace_back(key, &row);
}

ComparedRow compared(const Side& base_side, const Row& base, const Side& fresh_side,
                     const Row& fresh, bool one_host, const CompareOptions& options) {
  ComparedRow out{&base, &fresh, {}, {}};
  if (without_figures(base) || without_figures(fresh)) {
    out.seconds = out.joules = judge_status(base, fresh);
    return out;
  }
  const bool one_run = base_side.document == fresh_side.document;
  out.seconds = judge_seconds(base, fresh, one_run, options);
  out.joules = judge_joules(base_side, base, fresh_side, fresh, one_host, options);
  return out;
}

void add_warnings(const std::string& name, const Side& side, std::vector<std::string>& out) {
  for (const std::string& warning : side.warnings) out.push_back(name + ": " + warning);
  if (!side.document->run.complete) out.push_back(name + ": " + incomplete);
}

void refuse_other_machine(const std::vector<std::string>& machines) {
  if (!machines.empty())
    throw UserError("the records are of different machines (" + join(machines, "; ") +
                    "); --across-hosts compares them all the same");
}

}  // namespace

Side whole_side(const std::string& label, const Document& document) {
  Side side{label, &document, {}, {}};
  for (const Row& row : document.rows)
    if (!record::is_ceiling(row)) add_row(side, record::key(row), row);
  return side;
}

Side labelled_side(const std::string& label, const Document& document) {
  Side side{label, &document, {}, {}};
  for (const Row& row : document.rows) {
    Row unlabelled = identity(row);
    if (!record::is_ceiling(row) && take_label(unlabelled.implementation, label))
      add_row(side, record::key(unlabelled), row);
  }
  if (side.rows.empty()) throw UserError("no row of the record is of '" + label + "'");
  return side;
}

Comparison compare(const Side& base, const Side& fresh, const CompareOptions& options) {
  Comparison out{
      base.document, fresh.document, base.label, fresh.label, options, {}, {}, {}, {}, {}};
  const auto machines = machine_differences(*base.document, *fresh.document);
  if (!options.across_hosts) refuse_other_machine(machines);
  out.differences = machines;
  for (std::string& text : setting_differences(*base.document, *fresh.document))
    out.differences.push_back(std::move(text));
  add_warnings("base", base, out.warnings);
  if (base.document != fresh.document) add_warnings("new", fresh, out.warnings);

  for (const auto& [key, row] : fresh.rows)
    if (!find(base, key)) out.only_fresh.push_back(key);
  for (const auto& [key, row] : base.rows) {
    if (const Row* other = find(fresh, key))
      out.rows.push_back(compared(base, *row, fresh, *other, machines.empty(), options));
    else
      out.only_base.push_back(key);
  }
  if (out.rows.empty()) throw UserError("the two sides have no row in common");
  return out;
}

int exit_code(const Comparison& comparison) {
  const auto any = [&](Outcome outcome) {
    return std::ranges::any_of(comparison.rows, [&](const ComparedRow& row) {
      return row.by(comparison.options.measure).outcome == outcome;
    });
  };
  if (any(Outcome::worse)) return 1;
  const bool told = any(Outcome::better) || any(Outcome::same);
  // A case that vanished is no improvement.
  const bool lost = !comparison.only_base.empty();
  return any(Outcome::cannot_tell) || lost || !told ? 3 : 0;
}

std::string verdict_text(const ComparedRow& row, Measure measure) {
  const Judgement& judgement = row.by(measure);
  const bool time = measure == Measure::seconds;
  switch (judgement.outcome) {
    case Outcome::better:
      return time ? "faster" : "less";
    case Outcome::worse:
      return !judgement.ratio ? "broken" : time ? "slower" : "more";
    case Outcome::same:
      return "same";
    case Outcome::cannot_tell:
      return "cannot tell";
    default:
      return "not compared";
  }
}

}  // namespace ergon::report
