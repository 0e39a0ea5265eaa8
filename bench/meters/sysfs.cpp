#include "bench/meters/sysfs.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <string_view>

namespace ergon {
namespace {

/// Kernel attributes are at most a page.
constexpr std::size_t page = 4096;

Absent not_understood(const FileText& file) {
  return Absent{file.path + " holds '" + printable(file.text) + "', which is not understood"};
}

/// "3" or "0-3" appended to `processors`; false for anything else.
bool append_range(std::string_view item, std::vector<int>& processors) {
  constexpr int most = 1 << 16;
  int first = 0;
  const char* end = item.data() + item.size();
  auto parsed = std::from_chars(item.data(), end, first);
  if (parsed.ec != std::errc{} || first < 0) return false;
  int last = first;
  if (parsed.ptr != end && *parsed.ptr == '-') parsed = std::from_chars(parsed.ptr + 1, end, last);
  if (parsed.ec != std::errc{} || parsed.ptr != end || last < first || last > most) return false;
  for (int cpu = first; cpu <= last; ++cpu) processors.push_back(cpu);
  return true;
}

}  // namespace

bool FileText::denied() const noexcept { return error == EACCES || error == EPERM; }

std::string FileText::reason() const {
  return "cannot read " + path + ": " + (denied() ? "permission denied" : std::strerror(error));
}

FileText read_file(const std::string& path) {
  FileText file{path, {}, 0};
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    file.error = errno;
    return file;
  }
  std::array<char, page> buffer;
  const ssize_t count = read(descriptor, buffer.data(), buffer.size());
  if (count < 0)
    file.error = errno;
  else
    file.text.assign(buffer.data(), static_cast<std::size_t>(count));
  close(descriptor);
  file.text.erase(file.text.find_last_not_of(" \t\r\n") + 1);
  return file;
}

std::string printable(std::string_view text) {
  constexpr std::size_t most = 40;
  std::string out(text.substr(0, most));
  for (char& c : out)
    if (c < ' ' || c > '~') c = '?';
  return out;
}

Maybe<std::string> text_of(const FileText& file) {
  if (file.error != 0) return Absent{file.reason()};
  return file.text;
}

Maybe<double> number_of(const FileText& file) {
  if (file.error != 0) return Absent{file.reason()};
  double value = 0;
  const char* end = file.text.data() + file.text.size();
  const auto [stop, error] = std::from_chars(file.text.data(), end, value);
  if (error != std::errc{} || stop != end || !std::isfinite(value)) return not_understood(file);
  return value;
}

Maybe<std::vector<int>> processors_of(const FileText& file) {
  if (file.error != 0) return Absent{file.reason()};
  std::vector<int> processors;
  std::string_view rest = file.text;
  while (true) {
    const std::size_t comma = rest.find(',');
    if (!append_range(rest.substr(0, comma), processors)) return not_understood(file);
    if (comma == std::string_view::npos) return processors;
    rest.remove_prefix(comma + 1);
  }
}

}  // namespace ergon
