#include "kernels/attention/unfused.h"

#include <iterator>

namespace ergon {

std::optional<std::string> refuse_mixed(const Attention& a, const std::string& library) {
  if (a.kv_dtype == a.dtype) return std::nullopt;
  return library + " has no product of " + std::string(name(a.dtype)) + " queries with " +
         std::string(name(a.kv_dtype)) + " keys; a copy converted in each call is not made";
}

Implementations make_attention_unfused(const RegistryOptions& options) {
  Implementations all = make_unfused_cblas(options);
#ifdef ERGON_UNFUSED_ONEDNN
  Implementations more = make_unfused_onednn(options);
  all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
#endif
  return all;
}

}  // namespace ergon
