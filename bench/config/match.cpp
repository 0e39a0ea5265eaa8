#include "bench/config/match.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <optional>

namespace ergon::config {
namespace {

using Words = std::vector<std::string>;

/// Lower case, without trademark signs: "(R)", "(TM)".
Words words_of(std::string_view text) {
  Words words;
  std::string word;
  const auto flush = [&] {
    if (!word.empty()) words.push_back(word);
    word.clear();
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == '(') {
      const std::size_t close = text.find(')', i);
      flush();
      if (close != std::string_view::npos) i = close;
    } else if (std::isspace(c) != 0 || c == '@') {
      flush();
    } else {
      word.push_back(static_cast<char>(std::tolower(c)));
    }
  }
  flush();
  return words;
}

bool same_letters(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

/// A model number has three digits or more; "Intel Xeon Processor" has none.
bool names_some_part(std::string_view brand_string) {
  const auto is_number = [](const std::string& word) {
    return word.find("ghz") == std::string::npos &&
           std::count_if(word.begin(), word.end(),
                         [](unsigned char c) { return std::isdigit(c) != 0; }) >= 3;
  };
  const Words words = words_of(brand_string);
  return std::any_of(words.begin(), words.end(), is_number);
}

bool holds(const std::vector<std::string>& list, const std::string& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

/// What this processor can use and the generation lacks; empty where nothing speaks against it.
std::string contradiction(const Generation& generation, const CpuIdentity& cpu) {
  for (const std::string& feature : generation.lacks)
    if (holds(cpu.isa, feature)) return feature;
  return {};
}

bool claims(const Generation& generation, const CpuIdentity& cpu) {
  const auto inside = [](const std::pair<int, int>& range, int value) {
    return range.first <= value && value <= range.second;
  };
  return same_letters(generation.vendor, cpu.vendor) &&
         (!generation.family || *generation.family == cpu.family) &&
         std::any_of(generation.models.begin(), generation.models.end(),
                     [&](const auto& range) { return inside(range, cpu.model); }) &&
         (!generation.steppings || inside(*generation.steppings, cpu.stepping));
}

std::string claim_text(const CpuIdentity& cpu, bool arm) {
  if (arm) {
    char part[16];
    std::snprintf(part, sizeof part, "0x%x", static_cast<unsigned>(cpu.model));
    return std::string("Arm part ") + part;
  }
  return "CPUID family " + std::to_string(cpu.family) + " model " + std::to_string(cpu.model);
}

/// The generation of a part whose brand is in the brand string, unless the processor contradicts
/// it.
const Generation* named_generation(const HardwareCatalogue& catalogue, const CpuIdentity& cpu) {
  const auto accept = [&](const std::string& brand, const std::string& id) -> const Generation* {
    if (brand.empty() || !names_part(cpu.brand, brand)) return nullptr;
    const Generation* generation = catalogue.generation(id);
    const bool believable = generation != nullptr && same_letters(generation->vendor, cpu.vendor) &&
                            contradiction(*generation, cpu).empty();
    return believable ? generation : nullptr;
  };
  for (const Hardware& device : catalogue.devices)
    if (const Generation* found = accept(device.brand, device.generation)) return found;
  for (const ServerPower& power : catalogue.server_power)
    if (const Generation* found = accept(power.brand, power.generation)) return found;
  return nullptr;
}

std::vector<const Hardware*> devices_of(const HardwareCatalogue& catalogue, const CpuMatch& match,
                                        const CpuIdentity& cpu) {
  std::vector<const Hardware*> named, all;
  for (const Hardware& device : catalogue.devices) {
    const bool fits = std::any_of(match.generations.begin(), match.generations.end(),
                                  [&](const Generation* g) { return g->id == device.generation; });
    if (!fits) continue;
    all.push_back(&device);
    if (!device.brand.empty() && names_part(cpu.brand, device.brand)) named.push_back(&device);
  }
  return match.basis == MatchBasis::brand && !named.empty() ? named : all;
}

/// Where family and model do not help: every generation of the vendor that can do exactly this
/// much.
CpuMatch match_instruction_set(const HardwareCatalogue& catalogue, const CpuIdentity& cpu,
                               const std::string& why) {
  CpuMatch match;
  match.basis = MatchBasis::instruction_set;
  match.confidence = "recalled";
  Words decisive;
  for (const Generation& generation : catalogue.generations) {
    const bool fits =
        !generation.has.empty() && same_letters(generation.vendor, cpu.vendor) &&
        contradiction(generation, cpu).empty() &&
        std::all_of(generation.has.begin(), generation.has.end(),
                    [&](const std::string& feature) { return holds(cpu.isa, feature); });
    if (!fits) continue;
    match.generations.push_back(&generation);
    for (const std::string& feature : generation.has)
      if (!holds(decisive, feature)) decisive.push_back(feature);
  }
  std::string features, names;
  for (const std::string& feature : decisive) features += (features.empty() ? "" : ", ") + feature;
  for (const Generation* generation : match.generations)
    names += (names.empty() ? "" : ", ") + generation->name;
  match.rests_on = "usable instruction sets (" + features + "), which fit " + names + "; " + why;
  return match;
}

std::string brand_remark(const CpuIdentity& cpu) {
  if (cpu.brand.empty()) return "";
  if (names_some_part(cpu.brand)) return "; brand \"" + cpu.brand + "\" is not in the tables";
  return cpu.hypervisor ? "; brand hidden by the guest" : "; brand names no part";
}

}  // namespace

bool names_part(std::string_view brand_string, std::string_view brand) {
  const Words text = words_of(brand_string), part = words_of(brand);
  return !part.empty() &&
         std::search(text.begin(), text.end(), part.begin(), part.end()) != text.end();
}

Maybe<CpuMatch> match_cpu(const HardwareCatalogue& catalogue, const CpuIdentity& cpu) {
  CpuMatch match;
  const auto finish = [&] {
    match.devices = devices_of(catalogue, match, cpu);
    return match;
  };
  if (const Generation* named = named_generation(catalogue, cpu)) {
    match.basis = MatchBasis::brand;
    match.generations = {named};
    match.rests_on = "brand string \"" + cpu.brand + "\"";
    match.confidence = "read";
    return finish();
  }
  const bool arm = same_letters(cpu.vendor, "Arm");
  const std::string claim = claim_text(cpu, arm);
  const auto claimed = std::find_if(catalogue.generations.begin(), catalogue.generations.end(),
                                    [&](const Generation& one) { return claims(one, cpu); });
  std::string why = claim + " is not in the tables";
  bool lies = false;
  if (claimed != catalogue.generations.end()) {
    const std::string feature = contradiction(*claimed, cpu);
    if (feature.empty()) {
      match.generations = {&*claimed};
      match.rests_on = claim + " (" + claimed->name + ")" + (arm ? "" : brand_remark(cpu));
      match.confidence = claimed->recalled.empty() ? claimed->confidence : "recalled";
      return finish();
    }
    why = claim + " (" + claimed->name + ") cannot be, for it has no " + feature;
    lies = true;
  }
  // On bare metal an unknown model is a new processor, not a hidden one.
  if (lies || cpu.hypervisor) {
    match = match_instruction_set(catalogue, cpu, why);
    if (!match.generations.empty()) return finish();
    why += ", and no generation of " + cpu.vendor + " fits the usable instruction sets";
  }
  return Absent{why};
}

}  // namespace ergon::config
