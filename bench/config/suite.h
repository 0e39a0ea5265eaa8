// A suite: which workloads to measure, as lists that multiply out. Read from TOML.
//
// Generic: a [[gemm]] table is an entry of kernel "gemm", and only `backend`, `threads`, `cache`,
// `model` and `part` mean something here; every other key is a field of the workload, which its
// family checks. Each value keeps its line, so that whoever finds it wrong can say where it stands.
//
//   name = "mine"
//   seed = 1                     # of the operands; 1 where not given
//   [budget]
//   seconds = 240                # of measuring, all cases together; no limit where not given
//   [[gemm]]
//   m = [1, 8]                   # a scalar is a list of one
//   dtype = ["f32", "bf16"]
//   backend = ["onednn", "cblas:openblas"]
//   threads = [1, "all"]
//   cache = ["cold"]
//   [[gemm]]
//   m = [1, 8]
//   model = "llama-3.1-8b"       # of configs/models: instead of n and k, whose pairs
//   part = ["attention", "ffn"]  # these parts of it have (parts.h); "all" where not given
//   [[attention]]
//   model = "gpt-oss-20b"        # instead of heads, their widths, windows and the like
//   part = "window"              # of these layers (layers.h); "all" kinds where not given
//   phase = "decode"
//   kv_len = 4096
//
// Does not know which kernels, fields or backends exist, but for what models give, and measures
// nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "bench/base/error.h"
#include "bench/base/maybe.h"

namespace ergon::config {

struct SuiteValue {
  std::variant<std::int64_t, double, bool, std::string> value;
  int line = 0;
};

struct SuiteName {
  std::string text;
  int line = 0;
};

/// One combination of an entry's fields.
using SuiteCase = std::map<std::string, SuiteValue, std::less<>>;

/// One [[kernel]] table.
struct SuiteEntry {
  std::string file;
  std::string kernel;  // "gemm"
  int index = 1;       // 1 for the first [[gemm]]
  int line = 0;
  /// Workload fields in the file's order; no list is empty.
  std::vector<std::pair<std::string, std::vector<SuiteValue>>> lists;
  std::vector<std::string> backends;        // selectors; empty: not given, every implementation
  std::vector<std::optional<int>> threads;  // nothing stands for "all"; empty: not given
  std::vector<std::string> caches;          // "cold", "warm" or "auto"; empty: not given
  std::vector<SuiteName> models, parts;     // as given
  /// Fields that they stand for, each combination once and with the line of its model: find_shapes.
  std::vector<SuiteCase> shapes;
  std::map<std::string, int, std::less<>> lines;  // of every key given

  /// "file:line: gemm[2].m" for any key; the table's own line where it is empty or was not given.
  Where where(std::string_view field = {}) const;
};

inline constexpr std::size_t max_suite_cases = 100000;

/// Every combination of the shapes and the lists, the last list varying fastest. UserError above
/// max_suite_cases.
std::vector<SuiteCase> expand(const SuiteEntry& entry);

struct Suite {
  std::string name;
  std::string file;
  std::string text;    // the file as it was read
  std::string sha256;  // of the text, in hexadecimal
  std::uint64_t seed = 1;
  std::optional<double> budget_seconds;
  std::vector<SuiteEntry> entries;
};

/// With the shapes of its models, whose files are in `models_folder`: needed where the suite names
/// one. UserError with file, line and field where the file is missing, is no TOML, or has a key,
/// type or value that cannot be.
Suite load_suite(const std::string& path, const Maybe<std::string>& models_folder);
/// The same from text, which `file` names in messages, but without the shapes of models.
Suite parse_suite(std::string text, const std::string& file);

/// Fills in `shapes` wherever an entry names models. UserError where there is no such model or
/// part.
void find_shapes(Suite& suite, const Maybe<std::string>& models_folder);
bool names_models(const Suite& suite) noexcept;
/// Fields that models give to cases of a kernel.
std::span<const std::string_view> given_by_models(std::string_view kernel) noexcept;

}  // namespace ergon::config
