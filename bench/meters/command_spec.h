// What stands behind `--meter command:`: `key=value` words, as in front of a program of env(1), and
// the program with its arguments, split as words.h says.
//
//   scope=node every=1 ipmitool dcmi power reading
//   scope=wall mode=stream unit=W my-plug --watch
//
// keys: scope (core, package, package+dram, board, node, wall [wall]), part (processor,
// accelerator, machine [by scope: processor for core and package, accelerator for board, else
// machine]), unit (of a bare number), match (printed.h), every (seconds between two values), mode
// (call, stream [call]), uncertainty (relative, of the calibration [0.05]), average (seconds over
// which the program's watts are a mean [0]), timeout (seconds a call, or the first value of a
// stream, may take [10]).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/meters/meter.h"
#include "bench/meters/printed.h"

namespace ergon {

struct CommandSpec {
  enum class Mode { call, stream };
  std::vector<std::string> program;  // with its arguments; not empty
  Mode mode = Mode::call;
  Scope scope = Scope::wall;
  Part part = Part::machine;
  std::optional<Unit> unit;
  std::optional<Pattern> pattern;
  std::string match;  // its text
  std::optional<double> every_seconds;
  double relative_uncertainty = 0.05;
  double averaging_seconds = 0;
  double timeout_seconds = 10;

  const Pattern* pattern_or_none() const noexcept { return pattern ? &*pattern : nullptr; }
};

/// Absent with what is wrong.
Maybe<CommandSpec> parse_command_spec(std::string_view text);

/// "command:ipmitool" of each, with "#2" and so on where a program is named again. A text that is
/// no spec is called "command".
std::vector<std::string> command_ids(const std::vector<std::string>& specs);

}  // namespace ergon
