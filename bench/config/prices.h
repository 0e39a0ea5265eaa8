// What time and energy cost, read from configs/prices/*.toml: rented instances, electricity, PUE,
// years of amortisation, server factors. Every price has source, date, region and kind.
//
// A rented instance is charged whole. A small guest seldom knows which instance it is, so where
// nobody says it the default is a share: the on-demand price of a named instance of the same
// processor, scaled by virtual processors (providers price one family of instances that way). It is
// a guess about the provider, marked as a share, with the range over every instance of the
// processors that fit; absent where none does. Nothing here asks a provider, or knows spot and
// reserved prices unless a file names them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/base/interval.h"
#include "bench/base/maybe.h"
#include "bench/config/hardware.h"
#include "bench/config/match.h"

namespace ergon::config {

struct Instance {
  std::string provider, name;     // "AWS", "c7i.48xlarge"
  std::string device;             // id of a Hardware
  int devices = 0;                // GPUs, NPUs or CPU sockets in it
  std::optional<int> vcpus;       // logical processors; CPU instances only
  std::string counts_confidence;  // of both counts: the weaker
  double usd_per_hour = 0;        // the whole instance
  std::string kind;               // "on-demand", or what else it is
  std::string region, as_of, source, confidence, note;
};

/// One figure of a price list, in the unit of its list.
struct PriceFigure {
  std::string id;
  double value = 0;
  bool holds_pue = false;  // server_overhead: at the site's meter, never to be multiplied by PUE
  std::string about;       // which customer, whose servers, what was measured
  std::string region;      // electricity
  std::string as_of, source, confidence, note;
};

struct PriceList {
  std::string file;
  std::string standard_id;  // used where none is chosen
  std::vector<PriceFigure> figures;

  /// UserError that names the nearest id where there is none.
  const PriceFigure& find(std::string_view id) const;
  const PriceFigure& standard() const { return find(standard_id); }
};

struct Prices {
  std::vector<Instance> instances;
  PriceList electricity;      // USD per kWh
  PriceList pue;              // site energy over computer energy
  PriceList amortisation;     // years
  PriceList server_overhead;  // server power over accelerator power
  PriceList capital_factor;   // server price over accelerator price
};

/// UserError with file, line and field.
Prices load_prices(const std::string& folder);

/// A price for renting: `usd_per_hour` of the whole named instance, of which `share` is charged.
struct RentPrice {
  std::string id;  // "AWS c7i.48xlarge"
  /// low and high: what the other instances that fit charge for as many virtual processors.
  Estimate usd_per_hour;
  double share = 1;
  std::string kind;  // "on-demand", or "on-demand share"
  std::string region, as_of, source, confidence;
  std::string rests_on;
};

/// A named instance, charged whole: "c7i.48xlarge" or "AWS c7i.48xlarge", in any case. UserError
/// where there is none, with the nearest names, or where several bear the name.
RentPrice find_price(const Prices& prices, std::string_view instance);

/// The share described above, for a machine with `logical_processors`. Of the instances that fit,
/// the named one is that of the median price per virtual processor (the lower of two).
Maybe<RentPrice> default_price(const Prices& prices, const HardwareCatalogue& catalogue,
                               const CpuIdentity& cpu, int logical_processors);

}  // namespace ergon::config
