#include "bench/record/verify.h"

#include <exception>
#include <nlohmann/json.hpp>

#include "bench/base/error.h"
#include "bench/record/assemble.h"
#include "bench/record/file.h"
#include "bench/record/journal.h"
#include "bench/record/json.h"
#include "bench/record/parse.h"
#include "bench/record/read.h"
#include "bench/record/schema.h"
#include "bench/record/verify_parts.h"

namespace ergon::record {
namespace {

Findings schema_findings(const Json& json) {
  Findings findings;
  for (const Violation& v : violations(json)) findings.push_back({v.pointer, v.what});
  return findings;
}

Findings verify_meaning(const Document& document) {
  Findings findings;
  verify_rounds(document, findings);
  verify_facts(document, findings);
  return findings;
}

}  // namespace

std::string row_place(const Document& document, std::size_t row, const std::string& below) {
  return "/rows/" + std::to_string(row) + below + " (" + key(document.rows[row]) + ")";
}

std::vector<Finding> verify(const Document& document) {
  try {
    Findings findings = schema_findings(to_json(document));
    return findings.empty() ? verify_meaning(document) : findings;
  } catch (const std::logic_error& error) {
    return {{"", error.what()}};
  }
}

std::vector<Finding> verify_file(const std::string& file) {
  const bool is_there = exists(file) || !exists(journal_path(file));
  const std::string path = is_there ? file : journal_path(file);
  const std::string text = read_file(path, most_bytes);
  if (!text.starts_with(journal_start)) {
    const Json json = parse(text, path);
    if (json.is_object() && json.contains("schema") && json["schema"] == schema_name)
      if (Findings findings = schema_findings(json); !findings.empty()) return findings;
  }
  return verify_meaning(document_from_text(text, path));
}

std::string summary(const std::vector<Finding>& findings) {
  if (findings.empty()) return "consistent";
  return std::to_string(findings.size()) + (findings.size() == 1 ? " finding" : " findings");
}

}  // namespace ergon::record
