#include "bench/measure/recount.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

namespace ergon::measure {
namespace {

constexpr double rounding = 1e-9;  // relative, of doubles that went through text

const Family* family_of(const std::string& kernel, std::span<const Family* const> known) {
  for (const Family* family : known)
    if (family->name() == kernel) return family;
  return nullptr;
}

FieldMap fields_of(const record::Row& row) {
  FieldMap out;
  for (const auto& [name, value] : row.workload)
    std::visit([&out, &key = name](const auto& v) { out.emplace(key, FieldValue(v)); }, value);
  return out;
}

/// Of what is counted; nothing where there is none.
using Count = std::optional<double>;

bool agree(const Count& a, const Count& b) {
  if (!a || !b) return a == b;
  return std::abs(*a - *b) <= rounding * std::max(std::abs(*a), std::abs(*b));
}

std::string text(const Count& count) { return count ? fmt::format("{}", *count) : "none"; }

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
    number("/work/tokens", row_.work.tokens, work.tokens);
    number("/work/bits_per_weight", row_.work.bits_per_weight, workload->bits_per_weight());
    number("/work/kv_bytes_per_token", row_.work.kv_bytes_per_token,
           workload->kv_bytes_per_token());
    number("/work/full_square_flops", row_.work.full_square_flops, workload->full_square_flops());
    const TypeNames types = workload->dtypes();
    word("/case", row_.case_name, workload->name());
    word("/dtype/inputs", row_.dtype.inputs, types.inputs);
    word("/dtype/weights", row_.dtype.weights, types.weights);
    word("/dtype/accumulate", row_.dtype.accumulate, types.accumulate);
    word("/dtype/output", row_.dtype.output, types.output);
    const std::string& products = row_.dtype.products;
    word("/dtype/products", products.empty() ? std::string(types.weights) : products,
         types.products);
  }

 private:
  void found(const std::string& below, const std::string& what) {
    findings_.push_back(
        {"/rows/" + std::to_string(index_) + below + " (" + record::key(row_) + ")", what});
  }
  void number(const char* below, const Count& says, const Count& counted) {
    if (!agree(says, counted))
      found(below, fmt::format("is {}; the workload has {}", text(says), text(counted)));
  }
  void word(const char* below, const std::string& says, std::string_view counted) {
    if (says != counted) found(below, fmt::format("is '{}'; the workload has '{}'", says, counted));
  }

  std::size_t index_;
  const record::Row& row_;
  std::vector<record::Finding>& findings_;
};

}  // namespace

std::vector<record::Finding> recount(const record::Document& document,
                                     std::span<const Family* const> known) {
  std::vector<record::Finding> findings;
  for (std::size_t i = 0; i < document.rows.size(); ++i) {
    const record::Row& row = document.rows[i];
    const Family* family = row.imported_from ? nullptr : family_of(row.kernel, known);
    if (family) Recount(i, row, findings).against(*family);
  }
  return findings;
}

}  // namespace ergon::measure
