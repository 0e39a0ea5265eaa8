#include "bench/meters/command_spec.h"

#include <map>
#include <utility>

#include <fmt/format.h>

#include "bench/meters/key_values.h"
#include "bench/meters/words.h"

namespace ergon {
namespace {

constexpr double least_every_seconds = 1e-3;
constexpr double longest_seconds = 3600;

Part part_of(Scope scope) {
  if (scope == Scope::board) return Part::accelerator;
  return scope == Scope::node || scope == Scope::wall ? Part::machine : Part::processor;
}

/// Takes the key=value words one by one; the first fault stays.
class Keys {
 public:
  void take(std::string_view key, std::string_view value) {
    const auto entry = takers().find(key);
    if (entry == takers().end())
      fault = fmt::format("no key is called '{}'; there are: {}", excerpt(key), names());
    else if (!seen_.emplace(key, 0).second)
      fault = fmt::format("{}= is given twice", key);
    else
      (this->*entry->second)(value);
  }
  CommandSpec finish() {
    spec.part = part_.value_or(part_of(spec.scope));
    return std::move(spec);
  }

  CommandSpec spec;
  std::string fault;

 private:
  using Taker = void (Keys::*)(std::string_view);
  static const std::map<std::string_view, Taker>& takers() {
    static const std::map<std::string_view, Taker> table = {
        {"scope", &Keys::scope},     {"part", &Keys::part},
        {"unit", &Keys::unit},       {"match", &Keys::match},
        {"every", &Keys::every},     {"mode", &Keys::mode},
        {"average", &Keys::average}, {"uncertainty", &Keys::uncertainty},
        {"timeout", &Keys::timeout}};
    return table;
  }
  static std::string names() {
    std::string out;
    for (const auto& [key, taker] : takers()) out += (out.empty() ? "" : ", ") + std::string(key);
    return out;
  }

  void scope(std::string_view text) {
    const auto found = scope_from_name(text);
    if (!found)
      fault = fmt::format(
          "scope={} is none of core, package, package+dram, board, node, "
          "wall",
          excerpt(text));
    spec.scope = found.value_or(Scope::wall);
  }
  void part(std::string_view text) {
    part_ = part_from_name(text);
    if (!part_)
      fault = fmt::format("part={} is none of processor, accelerator, machine", excerpt(text));
  }
  void unit(std::string_view text) {
    spec.unit = unit_from_name(text);
    if (!spec.unit) fault = fmt::format("unit={} is none of {}", excerpt(text), known_units());
  }
  void match(std::string_view text) {
    spec.match = text;
    const auto pattern = Pattern::compile(spec.match);
    if (pattern)
      spec.pattern = *pattern;
    else
      fault = "match=: " + pattern.reason();
  }
  void mode(std::string_view text) {
    if (text != "call" && text != "stream")
      fault = fmt::format("mode={} is neither call nor stream", excerpt(text));
    spec.mode = text == "stream" ? CommandSpec::Mode::stream : CommandSpec::Mode::call;
  }
  void every(std::string_view text) {
    spec.every_seconds = number_within("every", text, least_every_seconds, longest_seconds, fault);
  }
  void average(std::string_view text) {
    spec.averaging_seconds = number_within("average", text, 0, longest_seconds, fault);
  }
  void uncertainty(std::string_view text) {
    const bool percent = text.ends_with('%');
    const double all = percent ? 100 : 1;
    if (percent) text.remove_suffix(1);
    spec.relative_uncertainty = number_within("uncertainty", text, 0, all, fault) / all;
  }
  void timeout(std::string_view text) {
    spec.timeout_seconds =
        number_within("timeout", text, least_every_seconds, longest_seconds, fault);
  }

  std::optional<Part> part_;
  std::map<std::string, int, std::less<>> seen_;
};

/// "every" of "every=1"; empty for what is no key, as "./a=b" or "=".
std::string_view key_of(std::string_view word) {
  const auto equals = word.find('=');
  if (equals == std::string_view::npos) return {};
  const std::string_view key = word.substr(0, equals);
  for (const char c : key)
    if (c < 'a' || c > 'z') return {};
  return key;
}

}  // namespace

Maybe<CommandSpec> parse_command_spec(std::string_view text) {
  auto words = split_words(text);
  if (!words) return Absent{words.reason()};
  Keys keys;
  std::size_t first = 0;
  for (; first < words->size(); ++first) {
    const std::string_view word = (*words)[first];
    const std::string_view key = key_of(word);
    if (key.empty()) break;
    keys.take(key, word.substr(key.size() + 1));
    if (!keys.fault.empty()) return Absent{keys.fault};
  }
  CommandSpec spec = keys.finish();
  spec.program.assign(words->begin() + static_cast<std::ptrdiff_t>(first), words->end());
  if (spec.program.empty() || spec.program.front().empty()) return Absent{"names no program"};
  return spec;
}

std::vector<std::string> command_ids(const std::vector<std::string>& specs) {
  std::vector<std::string> ids;
  std::map<std::string, int> count;
  for (const std::string& text : specs) {
    const auto spec = parse_command_spec(text);
    std::string id = "command";
    if (spec) {
      const std::string& program = spec->program.front();
      id += ":" + excerpt(program.substr(program.rfind('/') + 1));
    }
    const int number = ++count[id];
    ids.push_back(number > 1 ? id + "#" + std::to_string(number) : id);
  }
  return ids;
}

}  // namespace ergon
