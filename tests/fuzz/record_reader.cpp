// Records that anyone may have written: whatever the bytes, reading ends in a document or in one
// UserError of one line.
#include <algorithm>
#include <array>
#include <cstring>
#include <exception>
#include <string_view>
#include <utility>

#include "bench/base/error.h"
#include "bench/record/assemble.h"
#include "bench/record/json.h"
#include "bench/record/read.h"
#include "bench/record/verify.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/record/make_document.h"

namespace ergon::record {
namespace {

std::string journal_of(Document document) {
  const std::vector<Row> rows = std::exchange(document.rows, {});
  std::string text = header_line(document) + "\n";
  for (std::size_t i = 0; i < rows.size(); ++i) {
    text += start_line(i, rows[i]) + "\n";
    for (const TimeSample& sample : rows[i].samples) text += time_line(i, sample) + "\n";
    text += result_line(i, rows[i]) + "\n";
  }
  return text;
}

/// With all that a record may have, and few samples, which all look alike.
std::string fuller_text() {
  Document document = make_document(2);
  for (Row& row : document.rows)
    if (row.samples.size() > 2) row.samples.erase(row.samples.begin() + 2, row.samples.end());
  return to_text(document);
}

/// Where the JSON value that begins at `at` ends, as far as brackets and quotes tell.
std::size_t end_of_value(std::string_view text, std::size_t at) {
  int depth = 0;
  bool quoted = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '"' && (at == 0 || text[at - 1] != '\\')) quoted = !quoted;
    if (quoted) continue;
    if ((c == ',' || c == ']' || c == '}' || c == '\n') && depth == 0) break;
    if (c == '[' || c == '{') ++depth;
    if (c == ']' || c == '}') --depth;
  }
  return at;
}

/// Changes that often leave JSON what it is.
class Mutator {
 public:
  explicit Mutator(unsigned seed) : random_(seed) {}

  void change(std::string& text) {
    if (text.empty()) text = " ";
    const std::size_t at = place(text);
    switch (below(12)) {
      case 0:
        text[at] = static_cast<char>(below(256));
        break;
      case 1:
        text.erase(at, 1 + below(40));
        break;
      case 2:
        if (below(4) == 0) text.resize(at);
        break;
      case 3:
        text.insert(at, text.substr(place(text), 1 + below(80)));
        break;
      case 4:
        text.insert(at, piece());
        break;
      case 5:
        become_another(text);
        break;
      case 6:
        change_lines(text, at);
        break;
      case 7:
      case 8:
        drop_value(text, at);
        break;
      default:
        replace_value(text, at);
    }
  }

 private:
  std::size_t below(std::size_t limit) { return random_() % limit; }
  std::size_t place(const std::string& text) { return below(text.size()); }

  std::string_view piece() {
    static constexpr std::array<std::string_view, 21> pieces = {"null",
                                                                "-1",
                                                                "1e308",
                                                                "1e999",
                                                                "18446744073709551616",
                                                                "\"\"",
                                                                "{}",
                                                                "[",
                                                                "\xff",
                                                                "\\ud800",
                                                                "true",
                                                                "{\"absent\":\"\"}",
                                                                "-0.0",
                                                                "{\"absent\":",
                                                                "0",
                                                                "1",
                                                                "2",
                                                                "[]",
                                                                "[1]",
                                                                "[1,2,3]",
                                                                "0.5"};
    return pieces[below(pieces.size())];
  }

  /// A value becomes a piece, or another value of the text.
  void replace_value(std::string& text, std::size_t at) {
    const auto begin = text.find_first_of(":[", at);
    if (begin == std::string::npos) return;
    std::string by(piece());
    if (const auto other = text.find(':', place(text)); below(2) == 0 && other < text.size())
      by = text.substr(other + 1, end_of_value(text, other + 1) - other - 1);
    text.replace(begin + 1, end_of_value(text, begin + 1) - begin - 1, by);
  }

  /// The first of an array or an object.
  static void drop_value(std::string& text, std::size_t at) {
    const auto begin = text.find_first_of("[{", at);
    if (begin == std::string::npos) return;
    const auto end = end_of_value(text, begin + 1);
    text.erase(begin + 1, end - begin - (end < text.size() && text[end] == ',' ? 0 : 1));
  }

  /// A line is left out, or said once more elsewhere.
  void change_lines(std::string& text, std::size_t at) {
    const auto begin = text.rfind('\n', at) + 1;
    const std::string line = text.substr(begin, text.find('\n', at) - begin) + "\n";
    if (below(3) == 0)
      text.erase(begin, line.size());
    else
      text.insert(text.rfind('\n', place(text)) + 1, line);
  }

  /// A larger document, or the journal of what the text is.
  void become_another(std::string& text) {
    static const std::string full = fuller_text();
    if (below(4) == 0) text = full;
    try {
      text = journal_of(document_from_text(text, "before"));
    } catch (const std::exception&) {
      if (text != full) text = full;
    }
  }

  std::mt19937 random_;
};

}  // namespace
}  // namespace ergon::record

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t most, unsigned seed) {
  std::string text(reinterpret_cast<const char*>(data), size);
  ergon::record::Mutator(seed).change(text);
  size = std::min(text.size(), most);
  std::memcpy(data, text.data(), size);
  return size;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ergon;
  const std::string text(reinterpret_cast<const char*>(data), size);
  record::Document document;
  try {
    document = record::document_from_text(text, "fuzzed");
  } catch (const UserError& error) {
    fuzz::expect(std::string_view(error.what()).find('\n') == std::string_view::npos,
                 [&] { return std::string("an error of two lines: ") + error.what(); });
    return 0;
  }
  record::verify(document);
  const std::string written = record::to_text(document);
  fuzz::expect(record::to_text(record::document_from_text(written, "written")) == written,
               [] { return "what was read and written reads as something else"; });
  return 0;
}
