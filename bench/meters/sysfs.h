// Small files of the kernel: text, numbers and processor lists, each with the reason where there is
// none. A file is opened anew for every read, so that a permission that is lost is noticed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bench/base/maybe.h"

namespace ergon {

struct FileText {
  std::string path;
  std::string text;  // without trailing white space
  int error = 0;     // errno; 0 where the text was read

  bool denied() const noexcept;
  /// "cannot read PATH: permission denied"
  std::string reason() const;
};

/// At most 40 characters of it, with a question mark for what is not printable ASCII: a record
/// holds no text that is not UTF-8.
std::string printable(std::string_view text);

FileText read_file(const std::string& path);

Maybe<std::string> text_of(const FileText& file);
/// A finite decimal number that fills the whole file.
Maybe<double> number_of(const FileText& file);
/// "0,28" or "0-3,8"; not empty.
Maybe<std::vector<int>> processors_of(const FileText& file);

}  // namespace ergon
