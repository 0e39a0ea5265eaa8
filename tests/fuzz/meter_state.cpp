// The file of what characterising found, as anyone may have left it: whatever the bytes, reading
// ends in a state that reads the same when it is written, or in one UserError of one line.
#include <array>
#include <cstring>
#include <string>
#include <string_view>

#include "bench/base/error.h"
#include "bench/record/meter_state.h"
#include "tests/fuzz/fuzz.h"

namespace {

constexpr std::array<std::string_view, 9> pieces = {
    "null", "-1", "1e308", "1e999", "\"\"", "{}", "[{}", "\xff", "{\"absent\":\"\"}"};

}  // namespace

/// A byte changes, something is cut out, or a value becomes another.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t most, unsigned seed) {
  std::string text(reinterpret_cast<const char*>(data), size);
  std::mt19937 random(seed);
  if (text.empty()) text = " ";
  const std::size_t at = random() % text.size();
  const auto colon = text.find(':', at);
  switch (random() % 4) {
    case 0:
      text[at] = static_cast<char>(random());
      break;
    case 1:
      text.erase(at, 1 + random() % 40);
      break;
    case 2:
      text.insert(at, text.substr(random() % text.size(), random() % 60));
      break;
    default:
      if (colon != std::string::npos) {
        const auto end = text.find_first_of(",\n", colon);
        text.replace(colon + 1, end == std::string::npos ? end : end - colon - 1,
                     pieces[random() % pieces.size()]);
      }
  }
  size = std::min(text.size(), most);
  std::memcpy(data, text.data(), size);
  return size;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ergon;
  const std::string text(reinterpret_cast<const char*>(data), size);
  record::MeterState state;
  try {
    state = record::meter_state_from_text(text, "fuzzed");
  } catch (const UserError& error) {
    fuzz::expect(std::string_view(error.what()).find('\n') == std::string_view::npos,
                 [&] { return std::string("an error of two lines: ") + error.what(); });
    return 0;
  }
  const std::string written = record::to_text(state);
  fuzz::expect(record::to_text(record::meter_state_from_text(written, "written")) == written,
               [] { return "what was read and written reads as something else"; });
  return 0;
}
