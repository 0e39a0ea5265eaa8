#include "bench/cli/price.h"

#include "bench/base/error.h"
#include "bench/cli/suite_options.h"
#include "bench/config/prices.h"
#include "kernels/devices/cpu.h"

namespace ergon::cli {
namespace {

record::Price to_record(const config::RentPrice& price) {
  record::Price out;
  out.id = price.id;
  out.basis = "rent";
  out.usd_per_hour = price.usd_per_hour.value;
  if (price.usd_per_hour.low < price.usd_per_hour.high)
    out.usd_per_hour_range = Interval{price.usd_per_hour.low, price.usd_per_hour.high};
  out.usd_per_kwh = Absent{"a rent holds its energy"};
  out.source = price.source;
  out.as_of = price.as_of;
  out.region = price.region;
  out.kind = price.kind;
  out.confidence = price.confidence;
  out.share = price.share;
  out.about = price.rests_on;
  return out;
}

record::Price declared_price(double usd_per_hour) {
  record::Price out;
  out.id = "--usd-per-hour";
  out.basis = "rent";
  out.usd_per_hour = usd_per_hour;
  out.usd_per_kwh = Absent{"a rent holds its energy"};
  out.source = "given by the user";
  out.as_of = "this run";
  out.region = "not given";
  out.kind = "declared";
  out.confidence = "declared";
  out.about = "the whole machine is charged to each row";
  return out;
}

}  // namespace

std::vector<record::Price> applying_prices(const measure::EvidenceOptions& options,
                                           const config::HardwareCatalogue& catalogue) {
  if (options.usd_per_hour && options.instance)
    throw UserError({"command line", 0, "--instance"}, "cannot stand beside --usd-per-hour");
  if (options.usd_per_hour) return {declared_price(*options.usd_per_hour)};
  const auto prices = config::load_prices(configs_folder() + "/prices");
  if (options.instance) return {to_record(config::find_price(prices, *options.instance))};
  const auto standard =
      config::default_price(prices, catalogue, measure::identify_cpu(), usable_processors());
  if (!standard) return {};
  return {to_record(*standard)};
}

}  // namespace ergon::cli
