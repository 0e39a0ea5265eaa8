#include "bench/measure/google_benchmark_flags.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <map>
#include <string_view>

#include "bench/base/error.h"

namespace ergon::measure {
namespace {

/// What is wrong with the value; empty where nothing is.
using Check = std::string (*)(const std::string& value);

template <class T>
bool is_positive(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && value > 0 &&
         std::isfinite(static_cast<double>(value));
}

std::string fault_of_seconds(const std::string& value) {
  return is_positive<double>(value) ? "" : "is no number of seconds above 0";
}

std::string fault_of_count(const std::string& value) {
  return is_positive<int>(value) ? "" : "is no count from 1";
}

std::string fault_of_format(const std::string& value) {
  const bool known = value == "console" || value == "json" || value == "csv";
  return known ? "" : "is none of console, json, csv";
}

std::string fault_of_file(const std::string& value) {
  const bool is_new = access(value.c_str(), F_OK) != 0;
  const int file = open(value.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  if (file < 0) return std::string("cannot be written: ") + std::strerror(errno);
  close(file);
  if (is_new) unlink(value.c_str());
  return {};
}

const std::map<std::string, Check>& checks() {
  static const std::map<std::string, Check> all = {
      {"--benchmark_min_time", fault_of_seconds}, {"--benchmark_repetitions", fault_of_count},
      {"--benchmark_format", fault_of_format},    {"--benchmark_out_format", fault_of_format},
      {"--benchmark_out", fault_of_file},
  };
  return all;
}

}  // namespace

GoogleBenchmarkFlags check_google_benchmark_flags(const std::vector<std::string>& flags) {
  GoogleBenchmarkFlags out;
  for (const std::string& flag : flags) {
    const auto equals = flag.find('=');
    const std::string name = flag.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : flag.substr(equals + 1);
    if (name == "--benchmark_filter") {
      out.filter_is_negative = value.starts_with('-');
      out.filter = value == "all" ? "" : value.substr(out.filter_is_negative ? 1 : 0);
      continue;
    }
    out.others.push_back(flag);
    const auto check = checks().find(name);
    if (check == checks().end()) continue;
    if (const std::string fault = check->second(value); !fault.empty())
      throw UserError({"command line", 0, name}, "'" + value + "' " + fault);
  }
  return out;
}

}  // namespace ergon::measure
