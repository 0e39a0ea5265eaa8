#include "bench/record/writer.h"

namespace ergon::record {
namespace {

constexpr std::size_t line_length = 100;

std::string pad(std::size_t depth) { return std::string(2 * depth, ' '); }

void print(const Json& json, std::size_t depth, bool samples, std::string& out);

void print_item(const Json& item, bool one, std::size_t depth, bool samples, std::string& out) {
  if (one)
    out += one_line(item);
  else
    print(item, depth, samples, out);
}

void print_expanded(const Json& json, std::size_t depth, bool samples, std::string& out) {
  const bool is_object = json.is_object();
  out += is_object ? "{\n" : "[\n";
  bool first = true;
  for (auto it = json.begin(); it != json.end(); ++it) {
    if (!first) out += ",\n";
    first = false;
    out += pad(depth + 1);
    if (is_object) out += one_line(Json(it.key())) + ": ";
    print_item(*it, samples && !is_object, depth + 1, is_object && it.key() == "samples", out);
  }
  out += "\n" + pad(depth) + (is_object ? "}" : "]");
}

// What fits on a line stays on it, but for the document and its lists; a sample always does.
void print(const Json& json, std::size_t depth, bool samples, std::string& out) {
  if (!json.is_structured() || json.empty()) {
    out += one_line(json);
    return;
  }
  if (depth >= 2 && !samples) {
    const std::string whole = one_line(json);
    if (whole.size() + 2 * depth <= line_length) {
      out += whole;
      return;
    }
  }
  print_expanded(json, depth, samples, out);
}

}  // namespace

void Writer::meters(std::string_view name, const std::vector<Meter>& meters,
                    const std::vector<UnavailableMeter>& unavailable) {
  Json list = Json::array();
  bool carried = false;
  const bool any_primary =
      std::any_of(meters.begin(), meters.end(), [](const Meter& m) { return m.primary; });
  for (const Meter& meter : meters) {
    Json entry = json_of(meter);
    if (!carried && (meter.primary || !any_primary)) {
      entry.emplace("unavailable", json_of(unavailable));
      carried = true;
    }
    list.push_back(std::move(entry));
  }
  if (!carried) {
    Json entry = absent(reason_no_meter);
    entry.emplace("unavailable", json_of(unavailable));
    list.push_back(std::move(entry));
  }
  put(name, std::move(list));
}

Json to_json(const Document& document) { return Writer::json_of(document); }

std::string one_line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string to_text(const Document& document) {
  std::string out;
  print(to_json(document), 0, false, out);
  return out + "\n";
}

}  // namespace ergon::record
