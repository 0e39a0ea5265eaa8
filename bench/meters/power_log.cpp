#include "bench/meters/power_log.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>

#include "bench/base/error.h"
#include "bench/meters/iso_time.h"
#include "bench/meters/key_values.h"

namespace ergon {
namespace {

using Fields = std::vector<std::string>;

/// Seconds since 1970 from 2001 to 2286; milliseconds of the same.
constexpr double least_epoch = 1e9;
constexpr double most_epoch = 1e10;
constexpr double milliseconds = 1e3;

enum class TimeKind { iso, epoch_seconds, epoch_milliseconds, seconds };

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())))
    text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())))
    text.remove_suffix(1);
  return text;
}

Fields fields_of(std::string_view line, char separator) {
  Fields fields(1);
  bool quoted = false;
  for (const char c : line) {
    if (c == '"')
      quoted = !quoted;
    else if (c == separator && !quoted)
      fields.emplace_back();
    else
      fields.back() += c;
  }
  for (std::string& field : fields) field = trimmed(field);
  return fields;
}

struct Figure {
  double value = 0;
  double resolution = 1;
};

/// A decimal number that fills the field.
std::optional<Figure> figure_from(std::string text, char separator) {
  if (separator != ',') std::replace(text.begin(), text.end(), ',', '.');
  if (text.starts_with('+')) text.erase(0, 1);
  const auto value = number_from(text);
  if (!value) return std::nullopt;
  const auto point = text.find('.');
  const auto exponent = std::min(text.find_first_of("eE"), text.size());
  double power = point == std::string::npos
                     ? 0
                     : -static_cast<double>(exponent - std::min(exponent, point + 1));
  if (exponent < text.size()) power += number_from(text.substr(exponent + 1)).value_or(0);
  return Figure{*value, std::pow(10.0, std::clamp(power, -300.0, 300.0))};
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

/// The unit that a column's name ends in: "Power [W]", "energy_Wh", "W".
std::optional<Unit> unit_in(const std::string& name) {
  std::size_t end = name.size();
  const auto letter = [&](std::size_t i) {
    return std::isalpha(static_cast<unsigned char>(name[i]));
  };
  while (end > 0 && !letter(end - 1)) --end;
  std::size_t begin = end;
  while (begin > 0 && letter(begin - 1)) --begin;
  return unit_from_name(std::string_view(name).substr(begin, end - begin));
}

bool tells_time(const std::string& name) {
  const std::string text = lower(name);
  return text.find("time") != std::string::npos || text.find("date") != std::string::npos ||
         text == "seconds" || text == "s" || text == "t" || text == "ts";
}

class Parser {
 public:
  Parser(const std::string& file, const LogOptions& options) : file_(file), options_(options) {}

  void line(std::string_view text, int number) {
    text = trimmed(text);
    if (text.empty() || text.front() == '#') return;
    line_ = number;
    if (!begun_) separator_ = separator_of(text);
    const Fields fields = fields_of(text, separator_);
    if (!begun_) {
      begun_ = true;
      if (begin(fields)) return;
    }
    reading(fields);
  }

  PowerLog finish() {
    if (log_.readings.empty())
      throw UserError({file_, std::max(1, line_), ""}, "holds no readings");
    log_.quantity = unit_.quantity;
    turn_round();
    return std::move(log_);
  }

 private:
  [[noreturn]] void refuse(const std::string& field, const std::string& message) const {
    throw UserError({file_, line_, excerpt(field)}, message);
  }

  /// Some export the newest reading first.
  void turn_round() {
    const auto later = [](const Reading& a, const Reading& b) { return a.seconds > b.seconds; };
    const Trace& readings = log_.readings;
    if (readings.size() < 3 || !std::is_sorted(readings.begin(), readings.end(), later) ||
        readings.front().seconds == readings.back().seconds)
      return;
    std::reverse(log_.readings.begin(), log_.readings.end());
    std::reverse(log_.lines.begin(), log_.lines.end());
  }

  static char separator_of(std::string_view line) {
    for (const char c : {'\t', ';', ','})
      if (line.find(c) != std::string_view::npos) return c;
    return ',';
  }

  /// Finds the columns. True where the line is a heading.
  bool begin(const Fields& fields) {
    const bool heading = std::none_of(fields.begin(), fields.end(), [&](const std::string& field) {
      return moment_from(field) || figure_from(field, separator_);
    });
    if (heading) names_ = fields;
    columns_ = fields.size();
    if (fields.size() < 2) refuse("", "needs two columns at least: a time and a value");
    time_ = options_.time_column.empty() ? time_column() : column(options_.time_column, fields);
    value_ = options_.value_column.empty() ? value_column(fields.size())
                                           : column(options_.value_column, fields);
    if (time_ == value_) refuse(name_of(time_), "cannot be the time and the value");
    const auto unit = options_.unit ? options_.unit
                      : heading     ? unit_in(names_[value_])
                                    : std::nullopt;
    if (!unit)
      refuse(name_of(value_), "does not say its unit; give --unit, one of " + known_units());
    unit_ = *unit;
    return heading;
  }

  std::size_t column(const std::string& wanted, const Fields& fields) const {
    for (std::size_t i = 0; i < names_.size(); ++i)
      if (names_[i] == wanted) return i;
    const auto number = number_from(wanted);
    if (number && *number >= 1 && *number <= static_cast<double>(fields.size()) &&
        *number == std::floor(*number))
      return static_cast<std::size_t>(*number) - 1;
    refuse(wanted, "there is no such column");
  }

  std::size_t time_column() const {
    for (std::size_t i = 0; i < names_.size(); ++i)
      if (tells_time(names_[i])) return i;
    return 0;
  }

  std::size_t value_column(std::size_t columns) const {
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < names_.size(); ++i)
      if (i != time_ && unit_in(names_[i])) found.push_back(i);
    if (found.size() == 1) return found.front();
    if (found.empty() && columns == 2) return 1 - time_;
    refuse("", "more than one column may hold the value; name it with --value-column");
  }

  std::string name_of(std::size_t column) const {
    return column < names_.size() && !names_[column].empty()
               ? names_[column]
               : "column " + std::to_string(column + 1);
  }

  void reading(const Fields& fields) {
    const std::size_t last = std::max(time_, value_);
    if (fields.size() <= last)
      refuse(name_of(last), "is missing: the line has " + std::to_string(fields.size()) +
                                (fields.size() == 1 ? " field" : " fields"));
    refuse_more_fields(fields);
    const double seconds = time_of(fields[time_]);
    if (fields[value_].empty()) return;
    const auto figure = figure_from(fields[value_], separator_);
    if (!figure) refuse(name_of(value_), "'" + excerpt(fields[value_]) + "' is no number");
    const double resolution = figure->resolution * unit_.si;
    log_.value_resolution =
        log_.readings.empty() ? resolution : std::min(log_.value_resolution, resolution);
    const double value = figure->value * unit_.si;
    if (!std::isfinite(value)) refuse(name_of(value_), "is too large");
    log_.readings.push_back({seconds, value, {}, 0});
    log_.lines.push_back(line_);
  }

  /// Of "12,5,70,2" every second comma may be a decimal one.
  void refuse_more_fields(const Fields& fields) const {
    std::size_t filled = fields.size();
    while (filled > columns_ && fields[filled - 1].empty()) --filled;
    if (filled > columns_)
      refuse("", "has " + std::to_string(filled) + " fields, and the first line " +
                     std::to_string(columns_) +
                     (separator_ == ',' ? "; write numbers with a point, or semicolons between them"
                                        : ""));
  }

  double time_of(const std::string& field) {
    const auto moment = moment_from(field);
    const auto figure = moment ? std::nullopt : figure_from(field, separator_);
    if (!kind_) kind_ = kind_of(moment.has_value(), figure);
    const bool wants_date = *kind_ == TimeKind::iso;
    if (wants_date ? !moment : !figure)
      refuse(name_of(time_),
             "'" + excerpt(field) + "' is no " +
                 (wants_date ? "date with a time of day (ISO 8601)" : "number of seconds"));
    double seconds = wants_date ? moment->utc_seconds : figure->value;
    double resolution = wants_date ? moment->resolution_seconds : figure->resolution;
    if (wants_date && !moment->has_zone) {
      if (!options_.zone_seconds)
        refuse(name_of(time_), "'" + excerpt(field) + "' names no zone; give --utc-offset");
      seconds -= *options_.zone_seconds;
    }
    if (!(std::abs(seconds) < milliseconds * most_epoch)) refuse(name_of(time_), "is no time");
    if (*kind_ == TimeKind::epoch_milliseconds) {
      seconds /= milliseconds;
      resolution /= milliseconds;
    }
    log_.is_utc = *kind_ != TimeKind::seconds;
    log_.stamp_resolution_seconds =
        log_.readings.empty() ? resolution : std::min(log_.stamp_resolution_seconds, resolution);
    return seconds;
  }

  TimeKind kind_of(bool is_date, const std::optional<Figure>& figure) const {
    if (is_date || !figure) return TimeKind::iso;
    const double value = figure->value;
    if (value >= least_epoch && value < most_epoch) return TimeKind::epoch_seconds;
    if (value >= least_epoch * milliseconds && value < most_epoch * milliseconds)
      return TimeKind::epoch_milliseconds;
    if (std::abs(value) >= least_epoch)
      refuse(name_of(time_), "is neither seconds nor milliseconds since 1970");
    return TimeKind::seconds;
  }

  const std::string& file_;
  const LogOptions& options_;
  PowerLog log_;
  int line_ = 0;
  bool begun_ = false;
  char separator_ = ',';
  Fields names_;
  std::size_t columns_ = 0;  // of the first line
  std::size_t time_ = 0, value_ = 1;
  Unit unit_{};
  std::optional<TimeKind> kind_;
};

}  // namespace

PowerLog parse_power_log(std::string_view text, const std::string& file,
                         const LogOptions& options) {
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"))
    throw UserError({file, 1, ""}, "is UTF-16; save it as UTF-8");
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // a byte order mark
  Parser parser(file, options);
  for (int number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    parser.line(text.substr(0, end), number);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return parser.finish();
}

}  // namespace ergon
