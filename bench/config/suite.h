// A suite: which workloads to measure, as lists that multiply out. Read from TOML.
//
// Generic: a [[gemm]] table is an entry of kernel "gemm", and only `backend`, `threads` and `cache`
// mean something here; every other key is a field of the workload, which its family checks. Each
// value keeps its line, so that whoever finds it wrong can say where it stands.
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
//
// Does not know which kernels, fields or backends exist, and measures nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "bench/base/error.h"

namespace ergon::config {

struct SuiteValue {
  std::variant<std::int64_t, double, bool, std::string> value;
  int line = 0;
};

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
  std::map<std::string, int, std::less<>> lines;  // of every key given

  /// "file:line: gemm[2].m" for any key; the table's own line where it is empty or was not given.
  Where where(std::string_view field = {}) const;
};

/// One combination of an entry's fields.
using SuiteCase = std::map<std::string, SuiteValue, std::less<>>;

inline constexpr std::size_t max_suite_cases = 100000;

/// Every combination of the lists, the last list varying fastest. UserError above max_suite_cases.
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

/// UserError with file, line and field where the file is missing, is no TOML, or has a key, type or
/// value that cannot be.
Suite load_suite(const std::string& path);
/// The same from text; `file` names it in messages.
Suite parse_suite(std::string text, const std::string& file);

}  // namespace ergon::config
