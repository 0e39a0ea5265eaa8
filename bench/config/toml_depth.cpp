#include "bench/config/toml_depth.h"

#include <algorithm>
#include <vector>

#include "bench/base/error.h"

namespace ergon::config {
namespace {

/// Walks the text outside strings and comments. What is no TOML may be misread here, and is then
/// the parser's to refuse.
class Scanner {
 public:
  Scanner(std::string_view text, const std::string& file) : text_(text), file_(file) {}

  void run() {
    while (at_ < text_.size()) step();
  }

 private:
  void step() {
    const char c = text_[at_];
    if (c == '"' || c == '\'') return skip_string(c);
    if (c == '#') return skip_comment();
    if (c == '\n') ++line_;
    if (c == '.') go_deeper();
    if (c == '[' || c == '{') open();
    if (c == ']' || c == '}') close();
    if (c == '\n' || c == ',') levels_ = opened_.empty() ? 0 : opened_.back();
    ++at_;
  }

  // The parts of a key hold its value: they count until that ends.
  void go_deeper() {
    if (++levels_ > most_toml_levels)
      throw UserError({file_, line_, ""},
                      "is nested deeper than " + std::to_string(most_toml_levels) + " levels");
  }
  void open() {
    go_deeper();
    opened_.push_back(levels_);
  }
  void close() {
    if (!opened_.empty()) opened_.pop_back();
    levels_ = opened_.empty() ? 0 : opened_.back();
  }

  void skip_comment() { at_ = std::min(text_.find('\n', at_), text_.size()); }

  void skip_string(char quote) {
    const std::string three(3, quote);
    if (text_.substr(at_, 3) == three) return skip_long_string(quote, three);
    for (++at_; at_ < text_.size() && text_[at_] != '\n'; ++at_) {
      if (text_[at_] == quote) {
        ++at_;
        return;
      }
      if (quote == '"' && text_[at_] == '\\') ++at_;
    }
  }

  void skip_long_string(char quote, const std::string& three) {
    for (at_ += 3; at_ < text_.size() && text_.substr(at_, 3) != three; ++at_) {
      if (text_[at_] == '\n') ++line_;
      if (quote != '"' || text_[at_] != '\\') continue;
      ++at_;
      if (at_ < text_.size() && text_[at_] == '\n') ++line_;
    }
    at_ = std::min(at_ + 3, text_.size());
    // Two more quotes may belong to it.
    for (int i = 0; i < 2 && at_ < text_.size() && text_[at_] == quote; ++i) ++at_;
  }

  std::string_view text_;
  const std::string& file_;
  std::size_t at_ = 0;
  int line_ = 1;
  int levels_ = 0;
  std::vector<int> opened_;  // levels at each bracket that is open
};

}  // namespace

void require_shallow_toml(std::string_view text, const std::string& file) {
  Scanner(text, file).run();
}

}  // namespace ergon::config
