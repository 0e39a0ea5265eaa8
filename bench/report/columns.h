// One list of columns drives every output, --columns, --sort and --group-by.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "bench/record/document.h"
#include "bench/report/derive.h"

namespace ergon::report {

/// A row with what belongs to it. Refers into its document.
struct Item {
  const record::Document* document = nullptr;
  const record::Row* row = nullptr;
  std::string run;
  std::string warnings;  // of its record
  Figures figures;
  /// Fastest of its workload, its interval clear of all others'.
  bool fastest = false;
};

/// What speedups are relative to.
struct Baselines {
  std::map<std::string, std::size_t> rows;  // by the implementation that they are divided by
  bool chosen = false;                      // among several that fit
};

/// `count` and `error` are numbers of the record, the others of what follows from it.
enum class Kind { text, count, error, seconds, si, percent, ratio, plain };

struct WorkloadField {
  std::string_view name;
};

struct Column {
  std::string_view name;    // as in docs/results.md; also the CSV and JSON name
  std::string_view header;  // with the unit, for people
  Kind kind;
  std::string_view how;  // how it is made
  std::variant<std::string (*)(const Item&), Derived Figures::*, WorkloadField> content;

  bool is_figure() const noexcept { return content.index() == 1; }
  bool is_field() const noexcept { return content.index() == 2; }
  /// Its text is a number, or empty.
  bool is_number() const noexcept { return kind == Kind::count || kind == Kind::error; }
  /// Text columns only.
  std::string text(const Item& item) const;
  /// Figure columns only.
  const Derived& derived(const Item& item) const { return item.figures.*std::get<1>(content); }
  /// Joules are in it, so it may be no evidence.
  bool is_energy() const noexcept;
};

std::span<const Column> columns() noexcept;
/// Throws UserError at `field` ("--sort"), naming the nearest and all; `others` are names of more.
const Column& column(std::string_view name, const std::string& field,
                     const std::vector<std::string>& others = {});

/// "onednn packed-once": backend, name where it differs, variant.
std::string implementation_text(const record::Implementation& implementation);
/// "f32", "bf16 -> f32", "u8 x s8 -> s32".
std::string dtype_text(const record::Row& row);
/// "another-tool 1.2" of an imported row; empty of a measured one.
std::string imported_text(const record::Row& row);
/// What the row's interval is over: "rounds", "launches", "hull of 3 launches' intervals".
std::string interval_text(const record::Row& row);
/// "gemm m=8 n=64 k=64".
std::string case_text(const record::Row& row);
/// A selector is "backend", "backend:name" or "backend:name:variant".
bool selects(std::string_view selector, const record::Implementation& implementation);

}  // namespace ergon::report
