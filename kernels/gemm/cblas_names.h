// Which files a CBLAS library asked for by name or by path may be, and what it is called in tables.
//
// A name of the table ("openblas") stands for the sonames and well-known paths that its packages
// install, tried in order; a text with a slash is a path. The same text may be given twice: an A/A
// comparison needs two names for one library. Opens nothing.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace ergon {

struct CblasChoice {
  /// The table's name, or the file's stem; unique within one list: a second "libfoo" is
  /// "libfoo@directory", the very same library once more "libfoo#2".
  std::string name;
  std::vector<std::string> files;  // as for dlopen, best first; empty where `unknown` says why
  std::string unknown;
};

/// One choice per wanted name or path, in order.
std::vector<CblasChoice> cblas_choices(std::span<const std::string> wanted);

/// The names of the table.
std::vector<std::string> known_cblas_names();

}  // namespace ergon
