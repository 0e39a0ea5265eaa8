#include "bench/meters/words.h"

#include <cstddef>
#include <optional>
#include <utility>

namespace ergon {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

}  // namespace

Maybe<std::vector<std::string>> split_words(std::string_view text) {
  std::vector<std::string> words;
  std::optional<std::string> word;  // '' is a word too
  char quote = 0;
  const auto add = [&](char c) {
    if (!word) word.emplace();
    *word += c;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\0') return Absent{"holds a NUL"};
    if (quote == 0 && is_space(c)) {
      if (word) words.push_back(*std::exchange(word, std::nullopt));
    } else if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
      if (!word) word.emplace();
    } else if (c == quote) {
      quote = 0;
    } else if (c == '\\' && quote == 0) {
      if (i + 1 == text.size()) return Absent{"ends in a backslash"};
      add(text[++i]);
    } else if (c == '\\' && quote == '"' && i + 1 < text.size() &&
               (text[i + 1] == '"' || text[i + 1] == '\\')) {
      add(text[++i]);
    } else {
      add(c);
    }
  }
  if (quote != 0) return Absent{std::string("a quote ") + quote + " is not closed"};
  if (word) words.push_back(*std::move(word));
  return words;
}

}  // namespace ergon
