// Every suite in configs/suites is read, and every case in it is one that its family accepts.
#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <string>
#include <utility>

#include "bench/config/suite.h"
#include "kernels/registry.h"

namespace ergon::config {
namespace {

std::vector<Suite> shipped() {
  std::vector<Suite> suites;
  const std::string configs = std::string(ERGON_SOURCE_DIR) + "/configs";
  for (const auto& file : std::filesystem::directory_iterator(configs + "/suites")) {
    if (file.path().extension() != ".toml") continue;
    suites.push_back(load_suite(file.path().string(), configs + "/models"));
    EXPECT_EQ(suites.back().name, file.path().stem()) << "a suite is named after its file";
  }
  return suites;
}

TEST(ShippedSuites, HoldOnlyWorkloadsThatTheirFamilyAccepts) {
  const Registry registry(RegistryOptions{});
  const std::vector<Suite> suites = shipped();
  EXPECT_GE(suites.size(), 3u);
  for (const Suite& suite : suites)
    for (const SuiteEntry& entry : suite.entries) {
      const Family* family = registry.family(entry.kernel);
      ASSERT_NE(family, nullptr) << suite.name << ": " << entry.kernel;
      for (const SuiteCase& fields : expand(entry)) {
        FieldMap given;
        for (const auto& [name, value] : fields) given.emplace(name, value.value);
        EXPECT_NO_THROW(family->make(given)) << UserError(entry.where(), "is refused").what();
      }
    }
}

TEST(ShippedSuites, NameOnlyBackendsThatThisSourceTreeHas) {
  std::set<std::pair<std::string, std::string>> known;
  for (const RegistryEntry& entry : registry_entries()) known.emplace(entry.kernel, entry.backend);
  for (const Suite& suite : shipped())
    for (const SuiteEntry& entry : suite.entries)
      for (const std::string& selector : entry.backends)
        EXPECT_TRUE(known.contains({entry.kernel, selector.substr(0, selector.find(':'))}))
            << UserError(entry.where("backend"), selector).what();
}

TEST(ShippedSuites, TheQuickOneKeepsToFourMinutes) {
  for (const Suite& suite : shipped())
    if (suite.name == "quick") {
      ASSERT_TRUE(suite.budget_seconds.has_value());
      EXPECT_LE(*suite.budget_seconds, 240);
    }
}

}  // namespace
}  // namespace ergon::config
