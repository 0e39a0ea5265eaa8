// What every implementation of every family must do, over problems that the family's own test picks
// for their awkwardness. A new implementation is tested without a line here.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "kernels/registry.h"
#include "tests/contract/problem.h"

namespace ergon {

using Problems = std::vector<Problem>;

struct Case {
  const Implementation* implementation;
  std::string label;  // of the implementation, and of a choice of the family's field
  std::shared_ptr<const Problems> problems;  // the implementation need not support them all
};

inline void PrintTo(const Case& c, std::ostream* out) { *out << c.label; }

/// One for each available implementation and each choice of `field`.
std::vector<Case> cases(const Family& family, std::string_view field,
                        Problems (*problems)(const std::string& choice));

class ImplementationContract : public testing::TestWithParam<Case> {
 protected:
  const Implementation& implementation() const { return *GetParam().implementation; }
  bool takes_two_threads() const;
  template <class Body>
  void over_supported(Body body) const {
    for (const Problem& problem : *GetParam().problems) {
      if (implementation().unsupported(problem.workload())) continue;
      SCOPED_TRACE(problem.workload().name());
      body(problem);
    }
  }
};

inline std::string label(const testing::TestParamInfo<Case>& info) { return info.param.label; }

}  // namespace ergon
