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

/// Changes that often leave JSON what it is.
class Mutator {
 public:
  explicit Mutator(unsigned seed) : random_(seed) {}

  void change(std::string& text) {
    if (text.empty()) text = " ";
    const std::size_t at = place(text);
    switch (below(8)) {
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
        become_journal(text);
        break;
      default:
        replace_value(text, at);
    }
  }

 private:
  std::size_t below(std::size_t limit) { return random_() % limit; }
  std::size_t place(const std::string& text) { return below(text.size()); }

  std::string_view piece() {
    static constexpr std::array<std::string_view, 14> pieces = {
        "null",         "-1",   "1e308",   "1e999", "18446744073709551616", "\"\"", "{}", "[",
        "{\"absent\":", "\xff", "\\ud800", "true",  "{\"absent\":\"\"}",    "-0.0"};
    return pieces[below(pieces.size())];
  }

  void replace_value(std::string& text, std::size_t at) {
    const auto colon = text.find(':', at);
    if (colon == std::string::npos) return;
    const auto end = std::min(text.find_first_of(",}]\n", colon), text.size());
    text.replace(colon + 1, end - colon - 1, piece());
  }

  static void become_journal(std::string& text) {
    try {
      text = journal_of(document_from_text(text, "before"));
    } catch (const std::exception&) {
      // What cannot be read or written stays as it is.
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
