#include "kernels/attention/unfused.h"

#include <iterator>
#include <stdexcept>

namespace ergon {

std::optional<std::string> refuse_mixed(const Attention& a, const std::string& library) {
  if (a.kv_dtype == a.dtype) return std::nullopt;
  return library + " has no product of " + std::string(name(a.dtype)) + " queries with " +
         std::string(name(a.kv_dtype)) + " keys; a copy converted in each call is not made";
}

#ifndef ERGON_UNFUSED_ONEDNN
namespace {

/// By its name in a build without it, so that a suite that names it is told what is missing.
class LackingOnednn final : public Implementation {
 public:
  LackingOnednn() {
    info_.kernel = "attention";
    info_.backend = "unfused";
    info_.name = "onednn";
    info_.device_kind = "cpu";
    info_.about = "not in this build; it needs libdnnl-dev, or ERGON_ONEDNN_ROOT";
  }
  const ImplementationInfo& info() const noexcept override { return info_; }
  std::optional<std::string> unavailable() const override { return info_.about; }
  std::optional<std::string> unsupported(const Workload& /*workload*/) const override {
    return info_.about;
  }
  Footprint footprint(const Workload& /*workload*/, const Placement& /*placement*/) const override {
    return {};
  }
  std::unique_ptr<Plan> prepare(const Workload& /*workload*/, const Inputs& /*inputs*/,
                                const Placement& /*placement*/) const override {
    throw std::runtime_error(info_.about);
  }

 private:
  ImplementationInfo info_;
};

}  // namespace

Implementations make_unfused_onednn(const RegistryOptions& /*options*/) {
  Implementations all;
  all.push_back(std::make_unique<LackingOnednn>());
  return all;
}
#endif

Implementations make_attention_unfused(const RegistryOptions& options) {
  Implementations all = make_unfused_cblas(options);
  Implementations more = make_unfused_onednn(options);
  all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  return all;
}

}  // namespace ergon
