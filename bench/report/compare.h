// Two sets of rows, matched and judged by the interval of their ratio against a margin.
//
// Both sets from one document (two builds or two libraries alternated by `compare --live`): ratios
// within rounds. Two documents: windows against windows, or launches where there are six or more of
// each; fewer say nothing of how launches differ, and the interval is widened by what they may.
// Energy is compared only where both sides metered the same scope of what ran them with a counter
// or sampled sensor. Ceilings are not compared. p-values are information; the verdict never rests
// on them.
#pragma once

#include <iosfwd>
#include <string>
#include <utility>
#include <vector>

#include "bench/record/document.h"
#include "bench/report/pair.h"

namespace ergon::report {

enum class Measure { seconds, joules };

struct CompareOptions {
  double margin = 0.02;  // a ratio within 1 +- margin is the same
  /// How far two launches of one thing may be apart. It widens the ratio of two records with fewer
  /// than six launches on a side, which cannot tell it themselves. Of 3420 pairs of rows from 20
  /// launches on a shared guest 90 % were within 3 % beyond their intervals, 98 % within 26 %
  /// (docs/method.md); a quiet machine deserves less.
  double launch_spread = 0.30;
  bool across_hosts = false;           // compare records of different machines
  Measure measure = Measure::seconds;  // what the exit code follows
};

/// Rows of one document by the key they are matched by.
struct Side {
  std::string label;
  const record::Document* document = nullptr;
  std::vector<std::pair<std::string, const record::Row*>> rows;  // in the record's order
  std::vector<std::string> warnings = {};  // what is to be doubted of the record
};
/// Every row but ceilings, matched by record::key.
Side whole_side(const std::string& label, const record::Document& document);
/// Rows that carry `label`: as selector "backend[:name[:variant]]", or as their name or variant, or
/// as what follows an '@' in either. They are matched by their key without it.
/// Throws UserError where there are none, or several of one key.
Side labelled_side(const std::string& label, const record::Document& document);

enum class Outcome { better, worse, same, cannot_tell, not_compared };

struct Judgement {
  Outcome outcome = Outcome::not_compared;
  Maybe<Ratio> ratio = Absent{"not compared"};  // new / base
  std::string why;  // where the ratio does not say it: "wrong: ...", "energy is modelled from time"
};

struct ComparedRow {
  const record::Row* base = nullptr;
  const record::Row* fresh = nullptr;
  Judgement seconds, joules;
  const Judgement& by(Measure measure) const {
    return measure == Measure::seconds ? seconds : joules;
  }
};

/// Refers into both documents.
struct Comparison {
  const record::Document* base_document = nullptr;
  const record::Document* fresh_document = nullptr;
  std::string base, fresh;  // labels
  CompareOptions options;
  std::vector<ComparedRow> rows;
  std::vector<std::string> only_base, only_fresh;  // keys
  std::vector<std::string> differences;  // of conditions: "governor: performance / powersave"
  std::vector<std::string> warnings;     // of either record: "base: INCOMPLETE: ..."
};

/// Throws UserError for records of different machines unless asked for, and where no row is in
/// both.
Comparison compare(const Side& base, const Side& fresh, const CompareOptions& options);

/// 0: every row of the base is the same or better; 1: one is worse; 3: none is worse, but one, or
/// all, cannot be told, or a row of the base is missing.
int exit_code(const Comparison& comparison);
/// "faster", "slower", "same", "cannot tell", "not compared"; "less" and "more" for joules;
/// "broken" where the base has a figure and the new row is wrong or failed.
std::string verdict_text(const ComparedRow& row, Measure measure);

void write_comparison(const Comparison& comparison, std::ostream& out);
void write_comparison_json(const Comparison& comparison, std::ostream& out);

}  // namespace ergon::report
