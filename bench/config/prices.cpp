#include "bench/config/prices.h"

#include <algorithm>
#include <cctype>

#include "bench/config/nearest.h"
#include "bench/config/table_reader.h"
#include "bench/config/toml_tree.h"

namespace ergon::config {
namespace {

std::string weaker(const std::string& a, const std::string& b) { return a == "read" ? b : a; }

Instance read_instance(TableReader& table) {
  Instance instance;
  instance.provider = table.text("provider");
  instance.name = table.text("instance");
  instance.device = table.text("device");
  instance.devices = table.count("devices");
  instance.counts_confidence = table.confidence("devices_confidence");
  if (table.has("vcpus")) {
    instance.vcpus = table.count("vcpus");
    instance.counts_confidence =
        weaker(instance.counts_confidence, table.confidence("vcpus_confidence"));
  }
  instance.usd_per_hour = table.positive("usd_per_hour");
  instance.kind = table.text("kind");
  instance.region = table.text("region");
  instance.as_of = table.text("as_of");
  instance.source = table.text("source");
  instance.confidence = table.confidence("confidence");
  instance.note = table.text_if("note").value_or("");
  table.refuse_others();
  return instance;
}

PriceList read_list(const std::string& path, std::string_view name, std::string_view value_key) {
  const TomlNode tree = parse_toml(read_text(path), path);
  TableReader root(tree, path, "");
  PriceList list;
  list.file = path;
  if (root.text("schema") != "ergon-prices/1") root.fail("schema", "must be ergon-prices/1");
  list.standard_id = root.text("default");
  for (TableReader& table : root.tables(name)) {
    PriceFigure figure;
    figure.id = table.text("id");
    figure.value = table.positive(value_key);
    figure.holds_pue = table.flag("holds_pue");
    figure.about = table.text("about");
    figure.region = table.text_if("region").value_or("");
    figure.as_of = table.text("as_of");
    figure.source = table.text("source");
    figure.confidence = table.confidence("confidence");
    if (const auto rule = table.text_if("derived")) figure.note = *rule;
    if (const auto note = table.text_if("note")) figure.note = *note;
    table.refuse_others();
    list.figures.push_back(std::move(figure));
  }
  root.refuse_others();
  list.standard();  // the default names one
  return list;
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

RentPrice whole(const Instance& instance) {
  RentPrice price;
  price.id = instance.provider + " " + instance.name;
  price.usd_per_hour = {instance.usd_per_hour, instance.usd_per_hour, instance.usd_per_hour};
  price.kind = instance.kind;
  price.region = instance.region;
  price.as_of = instance.as_of;
  price.source = instance.source;
  price.confidence = instance.confidence;
  price.rests_on = "instance named by the user";
  return price;
}

double per_vcpu(const Instance& instance) { return instance.usd_per_hour / *instance.vcpus; }

/// On-demand instances of the matched processors, by price per virtual processor.
std::vector<const Instance*> fitting(const Prices& prices, const CpuMatch& match) {
  std::vector<const Instance*> found;
  for (const Instance& instance : prices.instances) {
    const bool fits = std::any_of(match.devices.begin(), match.devices.end(),
                                  [&](const Hardware* h) { return h->id == instance.device; });
    if (fits && instance.vcpus && instance.kind == "on-demand") found.push_back(&instance);
  }
  std::stable_sort(found.begin(), found.end(), [](const Instance* a, const Instance* b) {
    return per_vcpu(*a) < per_vcpu(*b);
  });
  return found;
}

}  // namespace

const PriceFigure& PriceList::find(std::string_view id) const {
  std::vector<std::string> ids;
  for (const PriceFigure& figure : figures) {
    if (figure.id == id) return figure;
    ids.push_back(figure.id);
  }
  throw UserError({file, 0, ""}, "has no '" + std::string(id) + "'" + did_you_mean(id, ids));
}

Prices load_prices(const std::string& folder) {
  Prices prices;
  const std::string path = folder + "/instances.toml";
  const TomlNode tree = parse_toml(read_text(path), path);
  TableReader root(tree, path, "");
  if (root.text("schema") != "ergon-instances/1") root.fail("schema", "must be ergon-instances/1");
  for (TableReader& table : root.tables("instance"))
    prices.instances.push_back(read_instance(table));
  root.refuse_others();
  prices.electricity = read_list(folder + "/electricity.toml", "electricity", "usd_per_kwh");
  prices.pue = read_list(folder + "/pue.toml", "pue", "factor");
  prices.amortisation = read_list(folder + "/amortisation.toml", "amortisation", "years");
  prices.server_overhead = read_list(folder + "/server_overhead.toml", "server_overhead", "factor");
  prices.capital_factor = read_list(folder + "/capital_factor.toml", "capital_factor", "factor");
  return prices;
}

RentPrice find_price(const Prices& prices, std::string_view instance) {
  const std::string wanted = lower(instance);
  std::vector<const Instance*> found;
  std::vector<std::string> names;
  for (const Instance& one : prices.instances) {
    const std::string full = one.provider + " " + one.name;
    if (lower(one.name) == wanted || lower(full) == wanted) found.push_back(&one);
    names.push_back(one.name);
  }
  const Where where{"command line", 0, "--instance"};
  if (found.empty())
    throw UserError(where, "no price for '" + std::string(instance) + "'" +
                               did_you_mean(instance, names) + "; --usd-per-hour gives one");
  if (found.size() > 1)
    throw UserError(where, "'" + std::string(instance) + "' names the prices of " +
                               found[0]->device + " and " + found[1]->device +
                               " among others; --usd-per-hour gives one");
  return whole(*found.front());
}

Maybe<RentPrice> default_price(const Prices& prices, const HardwareCatalogue& catalogue,
                               const CpuIdentity& cpu, int logical_processors) {
  static const std::string remedy = "; give --instance or --usd-per-hour";
  const Maybe<CpuMatch> match = match_cpu(catalogue, cpu);
  if (!match) return Absent{"no price: " + match.reason() + remedy};
  const std::vector<const Instance*> candidates = fitting(prices, *match);
  if (candidates.empty())
    return Absent{"no price is known for this processor (" + match->rests_on + ")" + remedy};
  const Instance& named = *candidates[(candidates.size() - 1) / 2];
  RentPrice price = whole(named);
  price.usd_per_hour.low = per_vcpu(*candidates.front()) * *named.vcpus;
  price.usd_per_hour.high = per_vcpu(*candidates.back()) * *named.vcpus;
  price.share = static_cast<double>(logical_processors) / *named.vcpus;
  price.kind = "on-demand share";
  price.confidence = weaker(weaker(named.confidence, named.counts_confidence), match->confidence);
  price.rests_on = std::to_string(logical_processors) + " of " + std::to_string(*named.vcpus) +
                   " vCPUs of " + price.id + "; " + match->rests_on;
  return price;
}

}  // namespace ergon::config
