// What every implementation of every family must do, over workloads that the family's own test
// picks for their awkwardness. A new implementation is tested without a line here.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "kernels/registry.h"
#include "tests/contract/machine.h"

namespace ergon {

using Workloads = std::vector<std::unique_ptr<Workload>>;

struct Case {
  const Implementation* implementation;
  std::string choice;
  std::string label;  // of the implementation, and the choice
  /// Of the family and the choice; the implementation need not support them all.
  Workloads (*workloads)(const std::string& choice);
};

inline void PrintTo(const Case& c, std::ostream* out) { *out << c.label; }

/// One for each available implementation and each choice of `field`.
std::vector<Case> cases(const Family& family, std::string_view field,
                        Workloads (*workloads)(const std::string& choice));

class ImplementationContract : public testing::TestWithParam<Case> {
 protected:
  const Implementation& implementation() const { return *GetParam().implementation; }
  bool takes_two_threads() const;
  template <class Body>
  void over_supported(Body body) const {
    for (const auto& workload : GetParam().workloads(GetParam().choice)) {
      if (implementation().unsupported(*workload)) continue;
      SCOPED_TRACE(workload->name() + " " + GetParam().choice);
      body(*workload);
    }
  }
};

inline std::string label(const testing::TestParamInfo<Case>& info) { return info.param.label; }

}  // namespace ergon
