#include "bench/report/covers.h"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "bench/record/lookup.h"
#include "bench/report/derive.h"

namespace ergon::report {
namespace {

constexpr std::string_view processor = "processor", accelerator = "accelerator";

template <std::size_t count>
using Texts = std::array<std::pair<std::string_view, std::string_view>, count>;

constexpr Texts<4> part_by_kind = {{{"cpu", processor},
                                    {"cpu-opencl", processor},
                                    {"gpu", accelerator},
                                    {"accelerator", accelerator}}};
constexpr Texts<3> words_by_part = {
    {{processor, "the processor"}, {accelerator, "an accelerator"}, {"machine", "the machine"}}};

template <std::size_t count>
std::string_view find(const Texts<count>& texts, std::string_view wanted) noexcept {
  for (const auto& [key, text] : texts)
    if (key == wanted) return text;
  return {};
}

}  // namespace

bool covers(std::string_view part, std::string_view device_kind) noexcept {
  const std::string_view ran = find(part_by_kind, device_kind);
  const bool known = !ran.empty() && (part == processor || part == accelerator);
  return !known || part == ran;
}

std::optional<std::string> why_not_covered(const record::Document& document,
                                           const record::Row& row) {
  const record::Meter* meter = meter_of(document, row);
  const record::Device* device = record::find_device(document, row.device);
  if (!meter || !device || covers(meter->part, device->kind)) return std::nullopt;
  return fmt::format("{} watches {}, and this ran on {}", meter->id, part_text(meter->part),
                     part_text(find(part_by_kind, device->kind)));
}

std::string_view part_text(std::string_view part) noexcept { return find(words_by_part, part); }

}  // namespace ergon::report
