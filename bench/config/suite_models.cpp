// What `model` and `part` of a suite's entry stand for.
#include <algorithm>

#include "bench/config/layers.h"
#include "bench/config/models.h"
#include "bench/config/nearest.h"
#include "bench/config/parts.h"
#include "bench/config/suite.h"

namespace ergon::config {
namespace {

Where where(const SuiteEntry& entry, std::string_view key, const SuiteName& name) {
  Where place = entry.where(key);
  place.line = name.line;
  return place;
}

Model find_model(const SuiteEntry& entry, const SuiteName& name,
                 const Maybe<std::string>& models_folder) {
  if (!models_folder) throw UserError(where(entry, "model", name), models_folder.reason());
  const Maybe<Model> model = load_model(*models_folder, name.text);
  if (!model) throw UserError(where(entry, "model", name), model.reason());
  return *model;
}

std::string list(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

/// "; did you mean 'ffn'?", or where nothing is near: "; it has all, ffn, ...".
std::string what_it_has(std::string_view wanted, const std::vector<std::string>& names) {
  const std::string near = guess(wanted, names);
  return near.empty() ? "; it has " + list(names) : near;
}

/// The fields that `part = name` stands for, once for each part or kind of layer.
std::vector<SuiteCase> layers_named(const Model& model, std::string_view name, int line) {
  std::vector<SuiteCase> found;
  for (const LayerKind& kind : attention_layers_of(model)) {
    if (kind.name != name && name != "all") continue;
    SuiteCase& fields = found.emplace_back();
    for (const auto& [field, value] : kind.fields) fields.emplace(field, SuiteValue{value, line});
  }
  return found;
}
std::vector<SuiteCase> matrices_named(const Model& model, std::string_view name, int line) {
  std::vector<SuiteCase> found;
  for (const Part& part : find_parts(parts_of(model), name))
    found.push_back({{"n", {part.n, line}}, {"k", {part.k, line}}});
  return found;
}

struct Origin {
  std::vector<SuiteCase> (*named)(const Model& model, std::string_view name, int line);
  std::vector<std::string> (*names)(const Model& model);
  std::span<const std::string_view> fields;
};

Origin origin_of(std::string_view kernel) noexcept {
  static constexpr std::string_view sizes[] = {"n", "k"};
  if (kernel != "attention")
    return {matrices_named, [](const Model& model) { return part_names(parts_of(model)); }, sizes};
  const auto names = [](const Model& model) {
    std::vector<std::string> list = {"all"};
    for (const LayerKind& kind : attention_layers_of(model)) list.push_back(kind.name);
    return list;
  };
  return {layers_named, names, attention_fields_of_models()};
}

std::vector<SuiteCase> wanted(const SuiteEntry& entry, const Model& model, int line) {
  const Origin origin = origin_of(entry.kernel);
  if (entry.parts.empty()) return origin.named(model, "all", line);
  std::vector<SuiteCase> all;
  for (const SuiteName& name : entry.parts) {
    const std::vector<SuiteCase> found = origin.named(model, name.text, line);
    if (found.empty())
      throw UserError(where(entry, "part", name), model.id + " has no part '" + name.text + "'" +
                                                      what_it_has(name.text, origin.names(model)));
    all.insert(all.end(), found.begin(), found.end());
  }
  return all;
}

bool same_values(const SuiteCase& a, const SuiteCase& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& one, const auto& other) {
    return one.first == other.first && one.second.value == other.second.value;
  });
}

void add_once(std::vector<SuiteCase>& shapes, const SuiteCase& shape) {
  if (std::none_of(shapes.begin(), shapes.end(),
                   [&](const SuiteCase& other) { return same_values(shape, other); }))
    shapes.push_back(shape);
}

}  // namespace

bool names_models(const Suite& suite) noexcept {
  return std::any_of(suite.entries.begin(), suite.entries.end(),
                     [](const SuiteEntry& entry) { return !entry.models.empty(); });
}

std::span<const std::string_view> given_by_models(std::string_view kernel) noexcept {
  return origin_of(kernel).fields;
}

void find_shapes(Suite& suite, const Maybe<std::string>& models_folder) {
  for (SuiteEntry& entry : suite.entries) {
    for (const SuiteName& name : entry.models)
      for (const SuiteCase& shape :
           wanted(entry, find_model(entry, name, models_folder), name.line))
        add_once(entry.shapes, shape);
    if (!entry.models.empty()) expand(entry);  // too many combinations are told here
  }
}

}  // namespace ergon::config
