// Mutated records: whatever the bytes, reading ends in a document or in one UserError. The
// mutations are drawn from a fixed seed, so a failure repeats.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/base/error.h"
#include "bench/record/assemble.h"
#include "bench/record/json.h"
#include "bench/record/read.h"
#include "bench/record/verify.h"

namespace ergon::record {
namespace {

constexpr int mutations = 1500;

std::string golden() {
  std::ostringstream text;
  text
      << std::ifstream(std::string(ERGON_SOURCE_DIR) + "/tests/golden/record/minimal.json").rdbuf();
  return text.str();
}

class Mutator {
 public:
  std::string operator()(std::string text) {
    const int changes = 1 + below(3);
    for (int i = 0; i < changes && !text.empty(); ++i) change(text);
    return text;
  }

 private:
  int below(int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(random_); }
  std::size_t place(const std::string& text) {
    return static_cast<std::size_t>(below(static_cast<int>(text.size())));
  }

  void change(std::string& text) {
    static constexpr std::array<std::string_view, 14> pieces = {
        "null",         "-1",   "1e308",   "1e999", "18446744073709551616", "\"\"", "{}", "[",
        "{\"absent\":", "\xff", "\\ud800", "true",  "{\"absent\":\"\"}",    "-0.0"};
    const std::size_t at = place(text);
    switch (below(6)) {
      case 0:
        text[at] = static_cast<char>(below(256));
        break;
      case 1:
        text.erase(at, static_cast<std::size_t>(1 + below(40)));
        break;
      case 2:
        text.resize(at);
        break;
      case 3:
        text.insert(at, text.substr(place(text), static_cast<std::size_t>(1 + below(80))));
        break;
      case 4:
        text.insert(at, pieces[static_cast<std::size_t>(below(static_cast<int>(pieces.size())))]);
        break;
      default:
        replace_value(text, at,
                      pieces[static_cast<std::size_t>(below(static_cast<int>(pieces.size())))]);
    }
  }

  // The next scalar after a colon becomes another value, so that the JSON often stays valid.
  static void replace_value(std::string& text, std::size_t at, std::string_view piece) {
    const auto colon = text.find(':', at);
    if (colon == std::string::npos) return;
    const auto end = std::min(text.find_first_of(",}]\n", colon), text.size());
    text.replace(colon + 1, end - colon - 1, piece);
  }

  std::mt19937 random_{20260131};
};

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

void read_or_refuse(const std::string& text) {
  try {
    const Document document = document_from_text(text, "mutated");
    verify(document);
    to_text(document);
  } catch (const UserError& error) {
    EXPECT_EQ(std::string_view(error.what()).find('\n'), std::string_view::npos);
  }
}

TEST(RecordReaderUnderMutation, EndsInADocumentOrAUserError) {
  const std::string text = golden();
  ASSERT_NO_THROW(document_from_text(text, "golden"));
  Mutator mutate;
  for (int i = 0; i < mutations; ++i) {
    const std::string mutated = mutate(text);
    EXPECT_NO_THROW(read_or_refuse(mutated)) << "mutation " << i << ":\n" << mutated;
  }
}

TEST(RecordReaderUnderMutation, EndsLikewiseForJournals) {
  const std::string text = journal_of(document_from_text(golden(), "golden"));
  ASSERT_NO_THROW(document_from_text(text, "journal"));
  Mutator mutate;
  for (int i = 0; i < mutations; ++i) {
    const std::string mutated = mutate(text);
    EXPECT_NO_THROW(read_or_refuse(mutated)) << "mutation " << i << ":\n" << mutated;
  }
}

}  // namespace
}  // namespace ergon::record
