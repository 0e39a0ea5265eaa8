#include "bench/record/schema.h"

#include <nlohmann/json.hpp>
#include <set>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include "bench/record/reader.h"
#include "record/schema_text.h"

namespace ergon::record {
namespace {

using valijson::adapters::NlohmannJsonAdapter;

const valijson::Schema& schema() {
  static const auto parsed = [] {
    auto result = std::make_unique<valijson::Schema>();
    const auto json = nlohmann::json::parse(schema_text());
    valijson::SchemaParser(valijson::SchemaParser::kDraft7)
        .populateSchema(NlohmannJsonAdapter(json), *result);
    return result;
  }();
  return *parsed;
}

/// From the validator's "<root>", "[rows]", "[3]".
std::string pointer_of(const std::vector<std::string>& context) {
  std::string pointer;
  for (std::size_t i = 1; i < context.size(); ++i)
    pointer += "/" + escaped(std::string_view(context[i]).substr(1, context[i].size() - 2));
  return pointer;
}

}  // namespace

std::string_view schema_text() noexcept { return embedded_schema; }

std::vector<Violation> violations(const Json& json) {
  const nlohmann::json plain = json;
  const NlohmannJsonAdapter adapter(plain);
  valijson::Validator validator;
  if (validator.validate(schema(), adapter, nullptr)) return {};
  valijson::ValidationResults results;
  validator.validate(schema(), adapter, &results);
  // A value that fails makes everything around it fail too: only the innermost places tell.
  std::vector<Violation> all;
  for (const auto& error : results) all.push_back({pointer_of(error.context), error.description});
  std::set<std::string> around;
  for (const auto& v : all)
    for (auto slash = v.pointer.rfind('/'); slash != std::string::npos;
         slash = slash == 0 ? std::string::npos : v.pointer.rfind('/', slash - 1))
      around.insert(v.pointer.substr(0, slash));
  std::vector<Violation> innermost;
  std::set<std::string> seen;
  for (auto& v : all)
    if (!around.contains(v.pointer) && seen.insert(v.pointer).second)
      innermost.push_back(std::move(v));
  if (innermost.empty()) innermost.push_back({"", "it does not fit the schema"});
  return innermost;
}

}  // namespace ergon::record
