// Reading a record, finished or not, that anyone may have written.
#pragma once

#include <string>
#include <vector>

#include "bench/record/document.h"

namespace ergon::record {

/// A finished document or a journal; where FILE is missing and FILE.journal is there, that one. In
/// a journal an unfinished row is "failed" with the reason that the run ended before it. `notes`
/// gets what a user should know of it (a torn last line, the journal in place of FILE). Throws
/// UserError with file, line and JSON pointer for what is not a valid record.
Document read_document(const std::string& path, std::vector<std::string>* notes = nullptr);

/// The same from text; `name` stands for the file in errors.
Document document_from_text(const std::string& text, const std::string& name,
                            std::vector<std::string>* notes = nullptr);

}  // namespace ergon::record
