#include "kernels/simd/isa.h"

#include <algorithm>

#include "kernels/devices/cpu.h"

namespace ergon::simd {
namespace {

struct Entry {
  Isa isa;
  std::string_view name;
  std::span<const std::string_view> features;
};

constexpr std::string_view neon[] = {"asimd"};
constexpr std::string_view avx2[] = {"avx2", "fma"};
constexpr std::string_view avx512[] = {"avx2",     "fma",      "avx512f",
                                       "avx512bw", "avx512dq", "avx512vl"};

// Best last.
constexpr Entry entries[] = {{Isa::portable, "portable", {}},
                             {Isa::neon, "neon", neon},
                             {Isa::avx2, "avx2", avx2},
                             {Isa::avx512, "avx512", avx512}};

const Entry& entry_of(Isa isa) noexcept {
  return *std::find_if(std::begin(entries), std::end(entries),
                       [&](const Entry& entry) { return entry.isa == isa; });
}

}  // namespace

std::string_view name(Isa isa) noexcept { return entry_of(isa).name; }

std::optional<Isa> isa_from_name(std::string_view name) noexcept {
  for (const Entry& entry : entries)
    if (entry.name == name) return entry.isa;
  return std::nullopt;
}

std::span<const std::string_view> features(Isa isa) noexcept { return entry_of(isa).features; }

bool available(Isa isa, const CpuInfo& cpu) noexcept {
  const auto needed = features(isa);
  return std::all_of(needed.begin(), needed.end(),
                     [&](std::string_view feature) { return cpu.has(feature); });
}

Isa best_isa(const CpuInfo& cpu) noexcept {
  Isa best = Isa::portable;
  for (const Entry& entry : entries)
    if (available(entry.isa, cpu)) best = entry.isa;
  return best;
}

}  // namespace ergon::simd
