#include "kernels/gemm/cblas_find.h"

#include "kernels/gemm/cblas_names.h"

namespace ergon {

std::vector<FoundCblas> find_cblas(std::span<const std::string> wanted) {
  const bool search = wanted.empty();
  const std::vector<std::string> known = known_cblas_names();
  const std::vector<CblasChoice> choices =
      cblas_choices(search ? std::span<const std::string>(known) : wanted);
  std::vector<CblasHandle> handles;  // all are opened before any is called
  for (const CblasChoice& choice : choices)
    handles.push_back(choice.unknown.empty() ? open_cblas(choice.files)
                                             : CblasHandle{nullptr, choice.unknown, false});
  std::vector<FoundCblas> all;
  for (std::size_t i = 0; i < choices.size(); ++i) {
    if (search && handles[i].not_installed) continue;
    FoundCblas found{choices[i].name, nullptr, handles[i].reason};
    if (handles[i].handle != nullptr)
      found.library = examine_cblas(handles[i].handle, found.reason);
    all.push_back(std::move(found));
  }
  if (all.empty())
    all.push_back({"cblas", nullptr,
                   "no CBLAS library is installed (Debian: apt install libopenblas0-openmp "
                   "libblis4-openmp)"});
  return all;
}

}  // namespace ergon
