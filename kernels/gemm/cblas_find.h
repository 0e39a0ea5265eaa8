// The CBLAS libraries that were asked for, or that are installed, opened and described.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kernels/gemm/cblas_library.h"

namespace ergon {

struct FoundCblas {
  std::string name;                             // cblas_names.h
  std::shared_ptr<const CblasLibrary> library;  // empty where `reason` says why
  std::string reason;
};

/// Names or paths, all of which the result has; none: the known ones that are installed, or one
/// entry "cblas" that says what to install.
std::vector<FoundCblas> find_cblas(std::span<const std::string> wanted);

}  // namespace ergon
