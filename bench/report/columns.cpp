#include "bench/report/columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "bench/base/error.h"
#include "bench/config/nearest.h"
#include "bench/record/lookup.h"
#include "bench/record/status.h"

namespace ergon::report {
namespace {

const record::Meter* meter(const Item& item) { return meter_of(*item.document, *item.row); }

std::string exact(double value) { return fmt::format("{}", value); }
std::string exact(const std::optional<double>& value) { return value ? exact(*value) : ""; }

/// Of a row that has figures: how far off a wrong answer was is in its reason.
std::string error(const Item& item, std::optional<double> of) {
  return !without_figures(*item.row) && of && std::isfinite(*of) ? exact(of) : "";
}

const Column all_columns[] = {
    {"run", "run", Kind::text, "which record", [](const Item& i) { return i.run; }},
    {"case", "case", Kind::text, "kernel and workload",
     [](const Item& i) { return i.row->case_name; }},
    {"kernel", "kernel", Kind::text, "what is computed",
     [](const Item& i) { return i.row->kernel; }},
    {"implementation", "implementation", Kind::text, "backend, name and variant",
     [](const Item& i) { return implementation_text(i.row->implementation); }},
    {"backend", "backend", Kind::text, "",
     [](const Item& i) { return i.row->implementation.backend; }},
    {"name", "name", Kind::text, "", [](const Item& i) { return i.row->implementation.name; }},
    {"variant", "variant", Kind::text, "",
     [](const Item& i) { return i.row->implementation.variant; }},
    {"detail", "detail", Kind::text, "the code path the library picked",
     [](const Item& i) { return i.row->implementation.detail; }},
    {"dtype", "dtype", Kind::text, "inputs x weights -> output",
     [](const Item& i) { return dtype_text(*i.row); }},
    {"accumulate", "accumulate", Kind::text, "dtype sums are kept in",
     [](const Item& i) { return i.row->dtype.accumulate; }},
    {"products", "products", Kind::text, "dtype that is multiplied, whose ceiling is the peak",
     [](const Item& i) { return record::products_of(*i.row); }},
    {"device", "device", Kind::text, "", [](const Item& i) { return i.row->device; }},
    {"threads", "threads", Kind::count, "",
     [](const Item& i) { return std::to_string(i.row->threads); }},
    {"cache", "cache", Kind::text, "cold or warm", [](const Item& i) { return i.row->cache; }},
    {"cold_bytes_between_uses", "cold bytes", Kind::count,
     "bytes touched between two uses of a buffer",
     [](const Item& i) {
       return i.row->cold ? std::to_string(i.row->cold->bytes_between_uses) : std::string();
     }},
    {"memory_ceiling", "memory ceiling", Kind::text, "of the bytes of a cold row",
     [](const Item& i) { return record::memory_ceiling_of(*i.row).value_or(""); }},
    {"flops", "FLOP/call", Kind::count, "counted work of a call",
     [](const Item& i) { return exact(i.row->work.flops); }},
    {"bytes", "B/call", Kind::count, "compulsory traffic of a call",
     [](const Item& i) { return exact(i.row->work.bytes); }},
    {"tokens", "tokens/call", Kind::count, "that a call takes one step further",
     [](const Item& i) { return exact(i.row->work.tokens); }},
    {"bits_per_weight", "bits/weight", Kind::count, "as stored, scales and zero points included",
     [](const Item& i) { return exact(i.row->work.bits_per_weight); }},
    {"kv_bytes_per_token", "KV B/token", Kind::count,
     "that a token adds to the cache of keys and values of a layer, scales included",
     [](const Item& i) { return exact(i.row->work.kv_bytes_per_token); }},
    {"full_square_flops", "full-square FLOP/call", Kind::count,
     "counted with every query meeting every key, masked or not",
     [](const Item& i) { return exact(i.row->work.full_square_flops); }},
    {"quantization_rel_l2", "quantization error", Kind::error,
     "of the output, relative, from the float64 product of the unquantized operands",
     [](const Item& i) {
       return error(i, i.row->accuracy ? i.row->accuracy->quantization_rel_l2 : std::nullopt);
     }},
    {"rel_l2", "kernel error", Kind::error,
     "of the output, relative, from float64 arithmetic on the values that the kernel was given",
     [](const Item& i) {
       return error(i, i.row->accuracy ? std::optional(i.row->accuracy->rel_l2) : std::nullopt);
     }},
    {"block", "block", Kind::count, "rows of one block shared inputs and rounds",
     [](const Item& i) { return std::to_string(i.row->block); }},
    {"seconds_per_call", "time/call", Kind::seconds, "median of the windows",
     &Figures::seconds_per_call},
    {"flops_per_second", "FLOP/s", Kind::si, "flops / median seconds", &Figures::flops_per_second},
    {"full_square_flops_per_second", "full-square FLOP/s", Kind::si,
     "full_square_flops / median seconds, where these are not flops",
     &Figures::full_square_flops_per_second},
    {"bytes_per_second", "B/s", Kind::si, "bytes / median seconds", &Figures::bytes_per_second},
    {"tokens_per_second", "tokens/s", Kind::si, "tokens / median seconds",
     &Figures::tokens_per_second},
    {"peak_fraction", "of peak", Kind::percent,
     "flops_per_second / measured ceiling of the products, within rounds", &Figures::peak_fraction},
    {"bandwidth_fraction", "of bandwidth", Kind::percent,
     "bytes_per_second / measured bandwidth of its kind, within rounds",
     &Figures::bandwidth_fraction},
    {"roofline_fraction", "of roofline", Kind::percent,
     "the larger of the two, where both are known", &Figures::roofline_fraction},
    {"watts", "W", Kind::plain, "joules / seconds of the energy windows", &Figures::watts},
    {"joules_per_call", "J/call", Kind::si,
     "joules / calls of the energy windows: gross, above idle or marginal, as --joules says",
     &Figures::joules_per_call},
    {"flops_per_joule", "FLOP/J", Kind::si, "flops / joules_per_call, the same as FLOP/s per watt",
     &Figures::flops_per_joule},
    {"tokens_per_joule", "tokens/J", Kind::si, "tokens / joules_per_call",
     &Figures::tokens_per_joule},
    {"energy_delay_product", "J s", Kind::si, "joules_per_call x seconds_per_call",
     &Figures::energy_delay_product},
    {"usd_per_hour", "$/h", Kind::plain, "price of the share that is charged to the row",
     &Figures::usd_per_hour},
    {"flops_per_usd", "FLOP/$", Kind::si, "flops_per_second x 3600 / usd_per_hour",
     &Figures::flops_per_usd},
    {"tokens_per_usd", "tokens/$", Kind::si, "tokens_per_second x 3600 / usd_per_hour",
     &Figures::tokens_per_usd},
    {"speedup", "speedup", Kind::ratio, "baseline's seconds / this row's, within rounds",
     &Figures::speedup},
    {"energy_meter", "meter", Kind::text, "",
     [](const Item& i) { return i.row->energy ? i.row->energy->meter : std::string(); }},
    {"energy_part", "part", Kind::text, "whose joules: processor, accelerator, machine",
     [](const Item& i) { return meter(i) ? meter(i)->part : std::string(); }},
    {"energy_scope", "scope", Kind::text, "",
     [](const Item& i) { return meter(i) ? meter(i)->scope : std::string(); }},
    {"energy_provenance", "provenance", Kind::text, "",
     [](const Item& i) { return meter(i) ? meter(i)->provenance : std::string(); }},
    {"energy_relative_uncertainty", "meter's uncertainty", Kind::count, "",
     [](const Item& i) {
       return meter(i) ? exact(meter(i)->relative_uncertainty) : std::string();
     }},
    {"interval_kind", "interval over", Kind::text,
     "rounds, launches, or a hull of fewer than six launches' intervals",
     [](const Item& i) { return interval_text(*i.row); }},
    {"windows", "windows", Kind::count, "timed windows",
     [](const Item& i) { return std::to_string(i.row->samples.size()); }},
    {"status", "status", Kind::text, "", [](const Item& i) { return i.row->status; }},
    {"reason", "reason", Kind::text, "why it is not ok",
     [](const Item& i) { return i.row->reason; }},
    {"imported_from", "imported from", Kind::text, "another tool, which measured the row",
     [](const Item& i) { return imported_text(*i.row); }},
    {"record_warnings", "warnings", Kind::text,
     "what is to be doubted in the row's record: unfinished, or not in agreement with itself",
     [](const Item& i) { return i.warnings; }},
};

}  // namespace

std::string Column::text(const Item& item) const {
  const auto* field = std::get_if<WorkloadField>(&content);
  if (field == nullptr) return std::get<0>(content)(item);
  for (const auto& [of, value] : item.row->workload)
    if (of == field->name)
      return std::visit([](const auto& plain) -> std::string { return fmt::format("{}", plain); },
                        value);
  return {};
}

bool Column::is_energy() const noexcept {
  if (!is_figure()) return false;
  const auto member = std::get<1>(content);
  return member == &Figures::watts || member == &Figures::joules_per_call ||
         member == &Figures::flops_per_joule || member == &Figures::tokens_per_joule ||
         member == &Figures::energy_delay_product;
}

std::span<const Column> columns() noexcept { return all_columns; }

const Column& column(std::string_view name, const std::string& field,
                     const std::vector<std::string>& others) {
  std::vector<std::string> known;
  for (const Column& candidate : all_columns) {
    if (candidate.name == name) return candidate;
    known.emplace_back(candidate.name);
  }
  known.insert(known.end(), others.begin(), others.end());
  throw UserError({"command line", 0, field},
                  fmt::format("there is no column '{}'{}; all columns: {}", name,
                              config::guess(name, known), fmt::join(known, ", ")));
}

std::string implementation_text(const record::Implementation& implementation) {
  std::string text = implementation.backend;
  if (implementation.name != implementation.backend) text += " " + implementation.name;
  if (!implementation.variant.empty()) text += " " + implementation.variant;
  return text;
}

std::string dtype_text(const record::Row& row) {
  std::string text = row.dtype.inputs;
  if (row.dtype.weights != row.dtype.inputs) text += " x " + row.dtype.weights;
  if (text != row.dtype.output) text += " -> " + row.dtype.output;
  return text;
}

std::string imported_text(const record::Row& row) {
  if (!row.imported_from) return {};
  const auto& [tool, version] = *row.imported_from;
  return version.empty() ? tool : tool + " " + version;
}

std::string interval_text(const record::Row& row) {
  const std::string kind = record::interval_kind_of(row);
  return kind == "hull"
             ? fmt::format("hull of {} launches' intervals", record::launches_of(row.samples))
             : kind;
}

std::string case_text(const record::Row& row) {
  std::string text = row.case_name;
  std::ranges::replace(text, '/', ' ');
  std::ranges::replace(text, ',', ' ');
  return text;
}

bool selects(std::string_view selector, const record::Implementation& implementation) {
  const std::string named = implementation.backend + ":" + implementation.name;
  return selector == implementation.backend || selector == named ||
         selector == named + ":" + implementation.variant;
}

}  // namespace ergon::report
