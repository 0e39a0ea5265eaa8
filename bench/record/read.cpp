#include "bench/record/read.h"

#include <nlohmann/json.hpp>

#include "bench/base/error.h"
#include "bench/record/assemble.h"
#include "bench/record/file.h"
#include "bench/record/journal.h"
#include "bench/record/parse.h"
#include "bench/record/reader.h"
#include "bench/record/schema.h"
#include "bench/record/status.h"

namespace ergon::record {
namespace {

void require_valid(const Json& json, const std::string& text, const std::string& name) {
  const auto found = violations(json);
  if (found.empty()) return;
  throw UserError({name, text.empty() ? 0 : line_of(text, found[0].pointer), found[0].pointer},
                  found[0].what);
}

Document from_finished(const std::string& text, const std::string& name) {
  const Json json = parse(text, name);
  Document document;
  try {
    Reader::take(json, document, Path{});
  } catch (const Misfit& misfit) {
    throw UserError({name, line_of(text, misfit.pointer), misfit.pointer}, misfit.what());
  }
  require_valid(json, text, name);
  return document;
}

Document from_journal(const std::string& text, const std::string& name,
                      std::vector<std::string>* notes) {
  Assembled assembled = assemble(text, name);
  for (Row& row : assembled.document.rows)
    if (row.status.empty()) {
      row.status = "failed";
      row.reason = reason_unfinished;
    }
  if (notes) notes->insert(notes->end(), assembled.notes.begin(), assembled.notes.end());
  require_valid(to_json(assembled.document), "", name);
  return std::move(assembled.document);
}

}  // namespace

Document document_from_text(const std::string& text, const std::string& name,
                            std::vector<std::string>* notes) {
  return text.starts_with(journal_start) ? from_journal(text, name, notes)
                                         : from_finished(text, name);
}

Document read_document(const std::string& path, std::vector<std::string>* notes) {
  const std::string journal = journal_path(path);
  if (exists(path) || !exists(journal))
    return document_from_text(read_file(path, most_bytes), path, notes);
  if (notes)
    notes->push_back(path + " does not exist: reading " + journal +
                     ", of a run that did not finish");
  return document_from_text(read_file(journal, most_bytes), journal, notes);
}

}  // namespace ergon::record
