#include "bench/measure/conclude.h"

#include <string>

#include "bench/record/lookup.h"
#include "bench/record/status.h"

namespace ergon::measure {
namespace {

std::string text_field(const record::Row& row, std::string_view name) {
  for (const auto& [field, value] : row.workload)
    if (field == name && std::holds_alternative<std::string>(value))
      return std::get<std::string>(value);
  return {};
}

void set_value(record::Ceiling& ceiling, const record::Row& row) {
  const double work = ceiling.what == "flops" ? row.work.flops : row.work.bytes;
  ceiling.value_per_second = work / *row.median;
  ceiling.interval95 =
      row.interval95
          ? Maybe<Interval>(Interval{work / row.interval95->high, work / row.interval95->low})
          : Maybe<Interval>(Absent{row.interval95.reason()});
}

// A ceiling's value is its row's: the samples are there, and nowhere else.
void value_ceilings(record::Document& document) {
  for (record::Device& device : document.devices)
    for (record::Ceiling& ceiling : device.ceilings)
      for (const record::Row& row : document.rows) {
        if (row.kernel != "ceiling" || row.device != device.id || row.threads != ceiling.threads)
          continue;
        const std::string what = text_field(row, "what");
        const bool same = ceiling.what == record::ceiling_name(what) &&
                          (what != "flops" || ceiling.dtype == products_of(row));
        if (same && row.median) set_value(ceiling, row);
      }
}

}  // namespace

// Statuses look at ceilings, and ceilings at the medians of their rows: hence twice.
void conclude(record::Document& document) {
  record::settle(document);
  value_ceilings(document);
  record::settle(document);
}

}  // namespace ergon::measure
