#include "bench/report/formats.h"

#include "bench/base/error.h"

namespace ergon::report {

#define ERGON_FORMAT(name) void write_##name(const Table& table, std::ostream& out);
#include "registry/formats.inc"
#undef ERGON_FORMAT

namespace {

constexpr Format all_formats[] = {
#define ERGON_FORMAT(name) {#name, write_##name},
#include "registry/formats.inc"
#undef ERGON_FORMAT
};

}  // namespace

std::span<const Format> formats() noexcept { return all_formats; }

const Format& format(std::string_view name) {
  std::string known;
  for (const Format& candidate : all_formats) {
    if (candidate.name == name) return candidate;
    known += (known.empty() ? "" : ", ") + std::string(candidate.name);
  }
  throw UserError({"command line", 0, "--format"},
                  "'" + std::string(name) + "' is not a format; known: " + known);
}

}  // namespace ergon::report
