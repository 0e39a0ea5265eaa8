// Cited facts about devices, read from configs/hardware/*.toml: one file per device, one for the
// generations of processors (how CPUID tells them) and one for the wall power of published servers.
//
// Every fact carries where it is from and how far it may be trusted: "read" in the source,
// "recalled" from memory, "derived" by a rule, "unrecorded" where the place it was read in was not
// kept. Facts keep the unit their name says (tdp_w, memory_bandwidth_gbs, peak_dense_tflops.bf16).
//
// Does not look at the machine it runs on: match.h does, from what it is told.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/base/interval.h"
#include "bench/base/maybe.h"

namespace ergon::config {

struct Fact {
  double value = 0;
  std::string confidence;  // "read", "recalled", "derived", "unrecorded"
  std::string source;      // what was read; for a derived fact the rule and what it rests on
};

struct Hardware {
  std::string file;
  std::string id, name, vendor;
  std::string kind;        // "cpu", "gpu", "npu"
  std::string generation;  // id of a Generation; CPUs only, empty where CPUID does not tell them
  std::string brand;       // what the processor's brand string holds; may be empty
  std::string source, as_of, confidence, note;
  std::vector<std::string> more_sources, conflicts;
  /// "tdp_w", "cores", "peak_dense_tflops.fp32", "street_price_usd.low", ...
  std::map<std::string, Fact, std::less<>> facts;

  Maybe<Fact> fact(std::string_view fact_name) const;
};

/// How a generation of processors shows in CPUID, or in the Arm identification registers.
struct Generation {
  std::string id, name;
  std::string vendor;                       // "GenuineIntel", "AuthenticAMD", "Arm"
  std::optional<int> family;                // not on Arm
  std::vector<std::pair<int, int>> models;  // first and last; part numbers on Arm
  std::optional<std::pair<int, int>> steppings;
  std::vector<std::string> has;    // usable in every part unless a hypervisor masks it
  std::vector<std::string> lacks;  // in no part
  std::string source, confidence, note;
  std::vector<std::string> recalled;  // keys that are from memory
};

/// Wall watts of a whole server per physical core, over the published results of one processor.
struct ServerPower {
  std::string cpu;    // as published
  std::string brand;  // what the processor's brand string holds
  std::string generation;
  int cores_per_chip = 0;
  int submissions = 0;
  Estimate idle_watts_per_core;  // active idle; value: the median
  Estimate full_watts_per_core;  // at 100 % load
};

struct HardwareCatalogue {
  std::vector<Hardware> devices;  // by id
  std::vector<Generation> generations;
  std::vector<ServerPower> server_power;
  std::string power_source, power_as_of, power_confidence;

  /// nullptr where there is none.
  const Hardware* device(std::string_view id) const noexcept;
  const Generation* generation(std::string_view id) const noexcept;
};

/// Every .toml file of the folder. UserError with file, line and field for whatever cannot be: also
/// for a fact without source or confidence, and for a generation that no file describes.
HardwareCatalogue load_hardware(const std::string& folder);

}  // namespace ergon::config
