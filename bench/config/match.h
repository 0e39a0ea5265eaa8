// Which processor this is, as far as it can be told.
//
// Three kinds of evidence, the best first:
//   brand            the brand string names a part of the tables
//   family_model     CPUID family, model and stepping lie in one generation
//   instruction_set  family and model are unknown, or claim a processor that cannot do what this
//                    one does (guests do this): every generation of the vendor that has, and
//                    lacks, the right instruction sets is a candidate, and the range is as wide
// A name or model that the usable instruction sets contradict is never believed. A part's
// generation says nothing of its cores, clock or power limit: figures from it are ranges.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bench/base/maybe.h"
#include "bench/config/hardware.h"

namespace ergon::config {

/// What the processor says of itself.
struct CpuIdentity {
  std::string vendor;  // "GenuineIntel", "AuthenticAMD", "Arm"
  std::string brand;   // Arm processors have none: whatever stands here is not looked at
  int family = 0;      // extended family added; not used on Arm
  int model = 0;       // extended model included; the part number on Arm
  int stepping = 0;
  bool hypervisor = false;
  std::vector<std::string> isa;  // usable, named as Linux names them: "avx512_bf16", "amx_bf16"
};

enum class MatchBasis { brand, family_model, instruction_set };

struct CpuMatch {
  MatchBasis basis = MatchBasis::family_model;
  std::vector<const Generation*> generations;  // one, unless the basis is the instruction set
  /// Devices of the tables: the named ones, else all of the generations. May be empty.
  std::vector<const Hardware*> devices;
  /// For the reader: "CPUID family 25 model 17 (Zen 4, Genoa); brand hidden by the guest".
  std::string rests_on;
  /// How far the tables behind the match may be trusted: "read" or "recalled".
  std::string confidence;
};

/// The pointers live as long as the catalogue.
Maybe<CpuMatch> match_cpu(const HardwareCatalogue& catalogue, const CpuIdentity& cpu);

/// True where `brand_string` ("AMD EPYC 9654 96-Core Processor") names the part `brand` ("EPYC
/// 9654"): whole words, in order, whatever the case and the trademark signs.
bool names_part(std::string_view brand_string, std::string_view brand);

}  // namespace ergon::config
