#include "bench/record/document.h"

namespace ergon::record {
namespace {

std::string dtype_text(const Row& row) {
  const auto& t = row.dtype;
  const std::string operands = t.inputs == t.weights ? t.inputs : t.inputs + "x" + t.weights;
  if (t.accumulate == t.inputs && t.output == t.inputs && t.weights == t.inputs) return operands;
  return operands + "_" + t.accumulate + "_" + t.output;
}

}  // namespace

std::string key(const Row& row) {
  std::string text = row.case_name + "/" + dtype_text(row) + "/" + row.implementation.backend +
                     ":" + row.implementation.name;
  if (!row.implementation.variant.empty()) text += ":" + row.implementation.variant;
  text += "/" + row.device + "/threads:" + std::to_string(row.threads) + "/" + row.cache;
  if (row.imported_from) text += "/imported:" + row.imported_from->tool;
  return text;
}

}  // namespace ergon::record
