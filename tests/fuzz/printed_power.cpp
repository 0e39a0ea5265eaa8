// What a program may print, the command line that describes it, and how --meter is split: any bytes
// give a finite value or a reason of one printable line.
#include <cstring>

#include "bench/base/error.h"
#include "bench/measure/meter_choice.h"
#include "bench/meters/command_spec.h"
#include "bench/meters/log_to_come.h"
#include "bench/meters/words.h"
#include "tests/fuzz/fuzz.h"

namespace ergon {
namespace {

void expect_one_line(const std::string& reason) {
  fuzz::expect(reason.find('\n') == std::string::npos && reason.find('\0') == std::string::npos,
               [&] { return "a reason that is no line: " + reason; });
}

void look_for_power(std::string_view text) {
  static const Pattern patterns[] = {*Pattern::compile("\"apower\": *(-?[0-9.]+)"),
                                     *Pattern::compile("(.*)"), *Pattern::compile("(a|aa)+([0-9])"),
                                     *Pattern::compile("power[^0-9]*([0-9.]+)")};
  for (const Pattern* pattern : {static_cast<const Pattern*>(nullptr), &patterns[0], &patterns[1],
                                 &patterns[2], &patterns[3]})
    for (const char* unit : {"", "W", "kWh"}) {
      const auto found = find_printed(text, pattern, unit_from_name(unit));
      if (!found) {
        fuzz::expect(!found.reason().empty(), [] { return "no value and no reason"; });
        expect_one_line(found.reason());
      } else {
        fuzz::expect(std::isfinite(found->value) && std::isfinite(found->resolution) &&
                         found->resolution >= 0,
                     [&] { return "a value that is none, of '" + std::string(text) + "'"; });
      }
    }
}

void read_spec(const std::string& text) {
  const auto words = split_words(text);
  const auto spec = parse_command_spec(text);
  fuzz::expect(words || !spec, [] { return "a spec without words"; });
  if (spec) {
    fuzz::expect(!spec->program.empty() && !spec->program.front().empty(),
                 [] { return "a spec without a program"; });
    fuzz::expect(spec->program.size() <= words->size(), [] { return "a program with more words"; });
  } else {
    expect_one_line(excerpt(spec.reason()));
  }
  parse_log_to_come(text);
  fuzz::expect(command_ids({text, text}).size() == 2, [] { return "a command without a name"; });
}

void choose(const std::string& text) {
  try {
    const auto choice = measure::choose_meters({text});
    fuzz::expect(!choice.wanted.empty(), [] { return "a choice of nothing"; });
  } catch (const UserError& error) {
    expect_one_line(error.what());
  }
}

}  // namespace
}  // namespace ergon

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t most, unsigned seed) {
  static const char* const pieces[] = {
      "220 Watts", "W",        "-1",           "1e308",        "1e999",
      "0x10",      "'",        "\"",           "\\",           "match=",
      "(",         "every=1 ", "unit=W ",      "nan",          ",",
      ".",         "12:30",    "command:",     "log:",         "kWh",
      "\n",        "\xff",     "aaaaaaaaaaaa", "mode=stream ", "scope=node "};
  return ergon::fuzz::change_text(data, size, most, seed, pieces);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  ergon::look_for_power(text);
  ergon::read_spec(text);
  ergon::choose(text);
  return 0;
}
