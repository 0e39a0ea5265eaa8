#include "kernels/ceilings/backend.h"

namespace ergon {

Implementations make_ceiling_portable(const RegistryOptions&) {
  using namespace ceilings;
  return make_ceilings({"portable",
                        "vectors of 16 bytes in plain C++ with the build's own flags",
                        std::nullopt,
                        {&portable_f64, &portable_f32, &portable_s8},
                        &portable_streams});
}

}  // namespace ergon
