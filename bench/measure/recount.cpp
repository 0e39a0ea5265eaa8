#include "bench/measure/recount.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kernels/kernel.h"
#include "kernels/registry.h"

namespace ergon::measure {
namespace {

constexpr double rounding = 1e-9;  // relative, of doubles that went through text

const Family* family_of(const std::string& kernel) {
  for (const Family* family : families())
    if (family->name() == kernel) return family;
  return nullptr;
}

FieldMap fields_of(const record::Row& row) {
  FieldMap out;
  for (const auto& [name, value] : row.workload)
    std::visit([&out, &key = name](const auto& v) { out.emplace(key, FieldValue(v)); }, value);
  return out;
}

bool agree(double a, double b) {
  return std::abs(a - b) <= rounding * std::max(std::abs(a), std::abs(b));
}

class Recount {
 public:
  Recount(std::size_t index, const record::Row& row, std::vector<record::Finding>& findings)
      : index_(index), row_(row), findings_(findings) {}

  void against(const Family& family) {
    std::unique_ptr<Workload> workload;
    try {
      workload = family.make(fields_of(row_));
    } catch (const InvalidField& error) {
      return found("/workload/" + error.field, error.what());
    }
    const Work work = workload->work();
    number("/work/flops", row_.work.flops, work.flops);
    number("/work/bytes", row_.work.bytes, work.bytes);
    const TypeNames types = workload->dtypes();
    word("/case", row_.case_name, workload->name());
    word("/dtype/inputs", row_.dtype.inputs, types.inputs);
    word("/dtype/weights", row_.dtype.weights, types.weights);
    word("/dtype/accumulate", row_.dtype.accumulate, types.accumulate);
    word("/dtype/output", row_.dtype.output, types.output);
  }

 private:
  void found(const std::string& below, const std::string& what) {
    findings_.push_back(
        {"/rows/" + std::to_string(index_) + below + " (" + record::key(row_) + ")", what});
  }
  void number(const char* below, double says, double counted) {
    if (!agree(says, counted))
      found(below, fmt::format("is {}; the workload has {}", says, counted));
  }
  void word(const char* below, const std::string& says, std::string_view counted) {
    if (says != counted) found(below, fmt::format("is '{}'; the workload has '{}'", says, counted));
  }

  std::size_t index_;
  const record::Row& row_;
  std::vector<record::Finding>& findings_;
};

}  // namespace

std::vector<record::Finding> recount(const record::Document& document) {
  std::vector<record::Finding> findings;
  for (std::size_t i = 0; i < document.rows.size(); ++i) {
    const record::Row& row = document.rows[i];
    const Family* family = row.imported_from ? nullptr : family_of(row.kernel);
    if (family) Recount(i, row, findings).against(*family);
  }
  return findings;
}

}  // namespace ergon::measure
