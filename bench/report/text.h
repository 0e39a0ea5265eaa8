// Figures and words as people read them: SI prefixes, rounding that follows the interval, columns
// that line up in any script.
//
// Half-widths are rounded up, never down. Widths count terminal cells: combining marks take none,
// East Asian wide characters two. Nothing here knows rows, units of a column or a format.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bench/base/interval.h"

namespace ergon::report {

/// "1.93 T", "12.6 M", "845 n"; `unit` follows the prefix ("7.52 ms"). Two significant digits where
/// the interval is wider than +-10 %, else three.
std::string si(const Estimate& estimate, std::string_view unit = {});
/// "81 %", "0.4 %", with the same rounding.
std::string percent(const Estimate& estimate);
/// "0.0893", "12.4", with the same rounding and no prefix.
std::string plain(const Estimate& estimate);
/// A relative error to two significant digits: "0.71 %"; "3.0e-07" below a thousandth of a percent.
std::string relative_error(double value);
/// Half the interval relative to the value: "±0.4%"; "-3/+45%" where one side is more than half as
/// wide again as the other and either exceeds 1 %. Empty where the interval has no width.
std::string spread(const Estimate& estimate);

/// Superscript digits for a footnote.
std::string superscript(std::size_t number);
/// Without control characters, which could break a line or drive a terminal.
std::string printable(std::string_view text);
/// Terminal cells that UTF-8 `text` takes; each invalid byte counts one.
std::size_t width(std::string_view text);
/// At most `cells` wide, the middle replaced by an ellipsis.
std::string shortened(std::string_view text, std::size_t cells);
std::string pad_right(std::string text, std::size_t cells);
std::string pad_left(std::string text, std::size_t cells);
/// Lines of at most `cells`, broken at spaces; a longer word keeps its own line.
std::vector<std::string> wrap(std::string_view text, std::size_t cells);
/// Each row as one line, its columns as wide as their widest cell; no spaces at the end.
std::vector<std::string> aligned(const std::vector<std::vector<std::string>>& rows);
std::string join(const std::vector<std::string>& parts, std::string_view between);

}  // namespace ergon::report
