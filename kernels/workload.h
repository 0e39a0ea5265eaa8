// What a problem description offers: fields with names and limits, counted work, text.
//
// A family (gemm, ...) declares its fields once, as FieldSpecs; parsing, printing, columns and the
// record follow from that list. A Workload is one valid problem: constructing one checks it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "kernels/tensor.h"

namespace ergon {

using FieldValue = std::variant<std::int64_t, double, bool, std::string>;
std::string to_text(const FieldValue& value);

struct FieldSpec {
  std::string_view name;
  std::string_view help;
  /// Its alternative is the field's type. An integer given for a real field is taken as a real.
  FieldValue fallback;
  bool required = false;
  std::int64_t low = 0;                        // integers only
  std::int64_t high = 0;                       // integers only; no upper limit where high <= low
  std::vector<std::string_view> choices = {};  // strings only
};

struct Field {
  std::string_view name;
  FieldValue value;
  bool is_fallback;
};

/// A field that cannot be: the message is for a user and does not repeat the field's name.
struct InvalidField : std::runtime_error {
  InvalidField(std::string field_name, const std::string& message)
      : std::runtime_error(message), field(std::move(field_name)) {}
  std::string field;
};

/// Counted work of a call: `bytes` moves every operand once (compulsory traffic).
struct Work {
  double flops = 0;  // a multiply-add counts 2; integer operations count alike
  double bytes = 0;
  std::optional<double> tokens = {};  // that a call takes one step further; where it has any
};

struct DTypes {
  DType inputs = DType::f32;
  DType weights = DType::f32;
  DType accumulate = DType::f32;
  DType output = DType::f32;
  friend bool operator==(const DTypes&, const DTypes&) = default;
};

/// Types by name, as a record tells them: weights may be of a block format ("mxfp4").
struct TypeNames {
  std::string_view inputs, weights, accumulate, output;
  /// What is multiplied, a DType: its ceiling bounds the work.
  std::string_view products;
  friend bool operator==(const TypeNames&, const TypeNames&) = default;
};
/// Products of the weights' own type.
TypeNames names(const DTypes& types) noexcept;

using FieldMap = std::map<std::string, FieldValue, std::less<>>;

class Workload {
 public:
  virtual ~Workload() = default;
  virtual std::string_view kernel() const noexcept = 0;
  /// Every field in the family's order, fallbacks included.
  virtual std::vector<Field> fields() const = 0;
  virtual TypeNames dtypes() const noexcept = 0;
  virtual Work work() const noexcept = 0;
  /// Stored bits over weights, scales and zero points included; nothing where weights are plain.
  virtual std::optional<double> bits_per_weight() const noexcept { return std::nullopt; }
  /// Bytes that a token adds to a cache of keys and values, all heads and scales included.
  virtual std::optional<double> kv_bytes_per_token() const noexcept { return std::nullopt; }
  /// Flops by the convention that counts what a mask leaves out too: every query with every key of
  /// its own sequence.
  virtual std::optional<double> full_square_flops() const noexcept { return std::nullopt; }
  /// Distinct memory of a call: an operand that is read and written counts once, where
  /// work().bytes counts both. What a cache would have to hold.
  virtual double distinct_bytes() const noexcept { return work().bytes; }
  /// True where weights are read once and hardly reused (decode): measured cold unless told
  /// otherwise.
  virtual bool streams_weights() const noexcept = 0;
  /// The stream of memory (ceilings/ceiling.h) that bounds the bytes of a call on cold operands:
  /// "read", or "update" where they are read and written in place; what is only written counts as
  /// read. One byte in 21 may be of the other kind: were it free, a call would be 5 % faster than
  /// the stream, which is what a ceiling allows for. Nothing where more are: no stream mixes them.
  std::optional<std::string_view> memory_stream() const noexcept;
  /// "gemm/m=8,n=64,k=64,beta=1": required fields and those that differ from their fallback; the
  /// dtype is not part of it, the record keeps it apart.
  std::string name() const;
};

/// Fills fallbacks and checks names, types, limits and choices. Throws InvalidField.
FieldMap complete(std::span<const FieldSpec> specs, const FieldMap& given);

}  // namespace ergon
