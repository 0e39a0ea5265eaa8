// What `model` and `part` of a suite's entry stand for.
#include <algorithm>

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

std::vector<Part> wanted_parts(const SuiteEntry& entry, const Model& model) {
  const std::vector<Part> parts = parts_of(model);
  if (entry.parts.empty()) return find_parts(parts, "all");
  std::vector<Part> wanted;
  for (const SuiteName& name : entry.parts) {
    const std::vector<Part> found = find_parts(parts, name.text);
    if (found.empty())
      throw UserError(where(entry, "part", name), model.id + " has no part '" + name.text + "'" +
                                                      what_it_has(name.text, part_names(parts)));
    wanted.insert(wanted.end(), found.begin(), found.end());
  }
  return wanted;
}

void add_once(std::vector<SuiteShape>& shapes, const SuiteShape& shape) {
  const auto same = [&shape](const SuiteShape& other) {
    return other.n == shape.n && other.k == shape.k;
  };
  if (std::none_of(shapes.begin(), shapes.end(), same)) shapes.push_back(shape);
}

}  // namespace

bool names_models(const Suite& suite) noexcept {
  return std::any_of(suite.entries.begin(), suite.entries.end(),
                     [](const SuiteEntry& entry) { return !entry.models.empty(); });
}

void find_shapes(Suite& suite, const Maybe<std::string>& models_folder) {
  for (SuiteEntry& entry : suite.entries) {
    for (const SuiteName& name : entry.models)
      for (const Part& part : wanted_parts(entry, find_model(entry, name, models_folder)))
        add_once(entry.shapes, {part.n, part.k, name.line});
    if (!entry.models.empty()) expand(entry);  // too many combinations are told here
  }
}

}  // namespace ergon::config
