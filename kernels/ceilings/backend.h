// One backend of the ceiling family: the loops of an instruction set as an Implementation.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/ceilings/loops.h"
#include "kernels/registry.h"

namespace ergon::ceilings {

struct Backend {
  std::string_view name;
  std::string_view about;
  /// Why nothing of it runs here; nothing where it does.
  std::optional<std::string> unavailable;
  /// Those that this processor can run.
  std::vector<const FlopsLoop*> flops;
  const StreamLoops* streams = nullptr;  // nullptr: it has none
};

/// "this processor has no avx2" for the first feature it lacks.
std::optional<std::string> lacking(std::initializer_list<std::string_view> features);

Implementations make_ceilings(const Backend& backend);

}  // namespace ergon::ceilings
