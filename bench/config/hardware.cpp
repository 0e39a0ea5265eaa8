#include "bench/config/hardware.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <variant>

#include "bench/config/table_reader.h"
#include "bench/config/toml_tree.h"

namespace ergon::config {
namespace {

/// Numbers of a sub-table. One with a source of its own speaks for itself, else the device's holds.
void read_group(TableReader group, const std::string& name, Fact common, Hardware& device) {
  if (group.has("source")) {
    common.source = group.text("source");
    common.confidence = group.confidence();
    group.text("as_of");
    group.text_if("basis");
  }
  for (const auto& [key, node] : group.entries()) {
    if (std::holds_alternative<std::string>(node.value)) continue;
    common.value = group.positive(key);
    device.facts[name + "." + key] = common;
  }
  group.refuse_others();
}

/// Applies `change` to the facts of that name, or of that group; an error where there are none.
template <class Change>
void change_facts(Hardware& device, const TableReader& table, std::string_view list,
                  const std::string& name, Change&& change) {
  bool found = false;
  for (auto& [fact_name, fact] : device.facts) {
    if (fact_name != name && !fact_name.starts_with(name + ".")) continue;
    change(fact);
    found = true;
  }
  if (!found && name != "launch_date") table.fail(list, "'" + name + "' is no fact of this file");
}

void mark_recalled_and_derived(TableReader& table, Hardware& device) {
  if (std::optional<TableReader> rules = table.table_if("derived"))
    for (const auto& [name, node] : rules->entries()) {
      const std::string rule = rules->text(name);
      change_facts(device, table, "derived", name, [&](Fact& fact) {
        fact.confidence = "derived";
        fact.source = rule + "; from " + device.source;
      });
    }
  for (const std::string& name : table.texts("recalled"))
    change_facts(device, table, "recalled", name, [](Fact& fact) {
      fact.confidence = "recalled";
      fact.source = "recalled";
    });
}

Hardware read_device(TableReader& table, const std::string& file) {
  static constexpr std::array numbers = {"launch_year",   "cores", "clock_ghz_used",
                                         "memory_gb",     "tdp_w", "memory_bandwidth_gbs",
                                         "list_price_usd"};
  static constexpr std::array groups = {"peak_dense_tflops", "street_price_usd", "owning_cost"};
  Hardware device;
  device.file = file;
  device.id = table.text("id");
  if (std::filesystem::path(file).stem() != device.id)
    table.fail("id", "must be the file's name without .toml");
  device.name = table.text("name");
  device.vendor = table.text("vendor");
  device.kind = table.text("kind");
  if (device.kind != "cpu" && device.kind != "gpu" && device.kind != "npu")
    table.fail("kind", "must be cpu, gpu or npu");
  device.generation = table.text_if("generation").value_or("");
  device.brand = table.text_if("brand").value_or("");
  device.source = table.text("source");
  device.more_sources = table.texts("more_sources");
  device.as_of = table.text("as_of");
  device.confidence = table.confidence();
  device.conflicts = table.texts("conflicts");
  device.note = table.text_if("note").value_or("");
  table.text_if("launch_date");
  table.text_if("list_price_note");
  const Fact common{0, device.confidence, device.source};
  for (const char* name : numbers)
    if (table.has(name))
      device.facts[name] = {table.positive(name), common.confidence, common.source};
  for (const char* name : groups)
    if (std::optional<TableReader> group = table.table_if(name))
      read_group(*group, name, common, device);
  mark_recalled_and_derived(table, device);
  table.refuse_others();
  return device;
}

std::pair<int, int> read_range(const TableReader& table, std::string_view key,
                               const TomlNode& node) {
  const auto* pair = std::get_if<TomlNode::Array>(&node.value);
  if (pair == nullptr || pair->size() != 2) table.fail(key, "must be [first, last]");
  const auto* first = std::get_if<std::int64_t>(&(*pair)[0].value);
  const auto* last = std::get_if<std::int64_t>(&(*pair)[1].value);
  constexpr std::int64_t most = 0xffff;
  if (first == nullptr || last == nullptr || *first < 0 || *last < *first || *last > most)
    table.fail(key, "must be [first, last], two integers from 0 in order");
  return {static_cast<int>(*first), static_cast<int>(*last)};
}

Generation read_generation(TableReader& table) {
  Generation generation;
  generation.id = table.text("id");
  generation.name = table.text("name");
  generation.vendor = table.text("vendor");
  if (const auto family = table.integer_if("family"))
    generation.family = static_cast<int>(std::clamp<std::int64_t>(*family, 0, 0xffff));
  const auto* models = std::get_if<TomlNode::Array>(&table.need("models").value);
  if (models == nullptr || models->empty()) table.fail("models", "must be [[first, last], ...]");
  for (const TomlNode& range : *models)
    generation.models.push_back(read_range(table, "models", range));
  if (const TomlNode* steppings = table.find("steppings"))
    generation.steppings = read_range(table, "steppings", *steppings);
  generation.has = table.texts("has");
  generation.lacks = table.texts("lacks");
  generation.source = table.text("source");
  generation.confidence = table.confidence();
  generation.recalled = table.texts("recalled");
  generation.note = table.text_if("note").value_or("");
  table.refuse_others();
  return generation;
}

Estimate read_spread(TableReader& table, std::string_view key) {
  std::optional<TableReader> spread = table.table_if(key);
  if (!spread) table.fail(key, "is missing");
  const Estimate watts{spread->number("median"), spread->number("low"), spread->number("high")};
  spread->refuse_others();
  if (watts.low <= 0 || watts.value < watts.low || watts.high < watts.value)
    table.fail(key, "must have 0 < low <= median <= high");
  return watts;
}

void read_server_power(TableReader& root, HardwareCatalogue& catalogue) {
  catalogue.power_as_of = root.text("as_of");
  catalogue.power_source = root.text("source");
  catalogue.power_confidence = root.confidence();
  root.confidence("generation_confidence");
  for (TableReader& table : root.tables("server_power")) {
    ServerPower power;
    power.cpu = table.text("cpu");
    power.brand = table.text("brand");
    power.generation = table.text("generation");
    if (catalogue.generation(power.generation) == nullptr)
      table.fail("generation", "'" + power.generation + "' is in no generations file");
    power.cores_per_chip = static_cast<int>(table.integer("cores_per_chip"));
    power.submissions = static_cast<int>(table.integer("submissions"));
    if (power.cores_per_chip < 1) table.fail("cores_per_chip", "must be at least 1");
    if (power.submissions < 1) table.fail("submissions", "must be at least 1");
    power.idle_watts_per_core = read_spread(table, "idle_w_per_core");
    power.full_watts_per_core = read_spread(table, "full_w_per_core");
    table.refuse_others();
    catalogue.server_power.push_back(std::move(power));
  }
}

struct File {
  std::string path, schema;
  TomlNode tree;
};

std::vector<File> read_files(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> paths;
  for (const auto& item : std::filesystem::directory_iterator(folder, error))
    if (item.path().extension() == ".toml") paths.push_back(item.path().string());
  if (error) throw UserError({folder, 0, ""}, "cannot be read: " + error.message());
  std::sort(paths.begin(), paths.end());
  std::vector<File> files;
  for (const std::string& path : paths) {
    TomlNode tree = parse_toml(read_text(path), path);
    std::string schema = TableReader(tree, path, "").text("schema");
    files.push_back({path, std::move(schema), std::move(tree)});
  }
  // Generations first: the others name them.
  std::stable_partition(files.begin(), files.end(),
                        [](const File& file) { return file.schema == "ergon-generations/1"; });
  return files;
}

}  // namespace

Maybe<Fact> Hardware::fact(std::string_view fact_name) const {
  const auto found = facts.find(fact_name);
  if (found == facts.end()) return Absent{file + " has no " + std::string(fact_name)};
  return found->second;
}

const Hardware* HardwareCatalogue::device(std::string_view id) const noexcept {
  const auto at = std::find_if(devices.begin(), devices.end(),
                               [id](const Hardware& device) { return device.id == id; });
  return at == devices.end() ? nullptr : &*at;
}

const Generation* HardwareCatalogue::generation(std::string_view id) const noexcept {
  const auto at = std::find_if(generations.begin(), generations.end(),
                               [id](const Generation& one) { return one.id == id; });
  return at == generations.end() ? nullptr : &*at;
}

HardwareCatalogue load_hardware(const std::string& folder) {
  HardwareCatalogue catalogue;
  for (const File& file : read_files(folder)) {
    TableReader root(file.tree, file.path, "");
    root.text("schema");
    if (file.schema == "ergon-hardware/1") {
      catalogue.devices.push_back(read_device(root, file.path));
      const std::string& generation = catalogue.devices.back().generation;
      if (!generation.empty() && catalogue.generation(generation) == nullptr)
        root.fail("generation", "'" + generation + "' is in no generations file");
    } else if (file.schema == "ergon-generations/1") {
      for (TableReader& table : root.tables("generation"))
        catalogue.generations.push_back(read_generation(table));
      root.refuse_others();
    } else if (file.schema == "ergon-server-power/1") {
      read_server_power(root, catalogue);
      root.refuse_others();
    } else {
      root.fail("schema", "'" + file.schema + "' is not known in this folder");
    }
  }
  return catalogue;
}

}  // namespace ergon::config
