// A consistent record in which one thing is changed, and what `verify` then finds.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bench/record/status.h"
#include "bench/record/verify.h"
#include "make_document.h"

namespace ergon::record {

inline std::vector<std::string> findings(const Document& document) {
  std::vector<std::string> out;
  for (const Finding& finding : verify(document))
    out.push_back(finding.where + ": " + finding.what);
  return out;
}

inline std::vector<std::string> after(const std::function<void(Document&)>& change) {
  Document document = make_document();
  change(document);
  return findings(document);
}

/// After a change that its author tried to hide by recomputing what follows.
inline std::vector<std::string> after_settled(const std::function<void(Document&)>& change) {
  Document document = make_document();
  change(document);
  settle(document);
  set_ceilings(document);
  return findings(document);
}

inline std::vector<TimeSample>& samples(Document& document, std::size_t row = fast_row) {
  return document.rows[row].samples;
}

/// Puts a second launch after the first, `rounds` long.
inline void add_launch(Document& document, int rounds) {
  const Document fresh = make_document(rounds);
  const int first = document.rows[peak_row].samples.back().round + 1;
  for (std::size_t r = 0; r < document.rows.size(); ++r)
    for (TimeSample sample : fresh.rows[r].samples) {
      sample.launch = 1;
      sample.round += first;
      document.rows[r].samples.push_back(sample);
    }
  settle(document);
  set_ceilings(document);
}

}  // namespace ergon::record
