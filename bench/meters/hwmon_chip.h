// What the chips of hwmon tell, as text, and the sensors that follow from it. Pure: nothing here
// reads a file, so that any text can be tried.
//
// Units of hwmon: energy in microjoules, power in microwatts, voltage in millivolts, current in
// milliamperes. Source: Documentation/hwmon/sysfs-interface.rst of the Linux kernel.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bench/meters/meter.h"
#include "bench/meters/sysfs.h"

namespace ergon::hwmon {

/// One chip: its name, its number among those of the name, and its files by their own names.
struct Chip {
  std::string name;  // "amdgpu"
  int number = 0;
  std::map<std::string, FileText> files;

  std::string id() const;  // "hwmon:amdgpu-0"
  bool has(const std::string& file) const { return files.count(file) != 0; }
  /// The file's; an empty one with ENOENT where the chip has none.
  FileText at(const std::string& file) const;
};

/// The product of one or two files, in watts or joules.
struct Term {
  std::vector<std::string> paths;
  double scale = 1;
};

/// A sum of terms, and what it is.
struct Sensor {
  MeterInfo info;
  std::vector<Term> terms;
  /// Taken where no period is documented nor seen.
  Maybe<double> otherwise_period_seconds = Absent{"the sensor was not seen to update"};
};

struct Plan {
  std::vector<Sensor> sensors;
  std::vector<Unavailable> left_out;
};

/// The files of a chip that a plan looks at; all others may cost a slow read for nothing.
bool is_of_interest(const std::string& file);
/// True where the chip shows a power or an energy.
bool tells_power(const Chip& chip);

/// amdgpu, i915, xe, nouveau, amd_energy, and those whose feed is not known, left out by name.
Plan plan_of(const Chip& chip);
/// The ACPI power meters of a machine, together: those of NVIDIA Grace are one sum per kind.
Plan plan_of_acpi(const std::vector<Chip>& meters);
/// The INA3221 of a Jetson, together: rails that contain others, or are known to be all.
Plan plan_of_rails(const std::vector<Chip>& chips);

/// The number N of `prefix`N`suffix`, as 1 of "power1_input"; nothing for other names.
std::optional<int> number_in(const std::string& file, const std::string& prefix,
                             const std::string& suffix);

/// What a sensor's files say together; `texts` are in the order of its terms and their paths.
Maybe<double> value_of(const Sensor& sensor, const std::vector<FileText>& texts);
/// The files of value_of().
std::vector<std::string> paths_of(const Sensor& sensor);

}  // namespace ergon::hwmon
