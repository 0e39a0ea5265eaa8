// The shipped facts, and what the reader refuses.
#include "bench/config/hardware.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "bench/base/error.h"

namespace ergon::config {
namespace {

using testing::HasSubstr;

const HardwareCatalogue& shipped() {
  static const HardwareCatalogue catalogue =
      load_hardware(std::string(ERGON_SOURCE_DIR) + "/configs/hardware");
  return catalogue;
}

TEST(ShippedHardware, HasEveryDeviceAndProcessor) {
  EXPECT_EQ(shipped().devices.size(), 53u);
  EXPECT_EQ(shipped().server_power.size(), 91u);
}

TEST(ShippedHardware, EveryFactHasSourceAndConfidence) {
  for (const Hardware& device : shipped().devices) {
    EXPECT_GE(device.facts.size(), 4u) << device.id;
    for (const auto& [name, fact] : device.facts) {
      EXPECT_FALSE(fact.source.empty()) << device.id << " " << name;
      EXPECT_THAT(fact.confidence, testing::AnyOf("read", "recalled", "derived", "unrecorded"))
          << device.id << " " << name;
      EXPECT_GT(fact.value, 0) << device.id << " " << name;
    }
  }
}

TEST(ShippedHardware, KeepsWhatIsRecalledAndWhatIsDerivedApart) {
  const Hardware* genoa = shipped().device("amd-epyc-9654");
  ASSERT_NE(genoa, nullptr);
  EXPECT_EQ(genoa->fact("tdp_w")->value, 360);
  EXPECT_EQ(genoa->fact("tdp_w")->confidence, "read");
  EXPECT_EQ(genoa->fact("memory_gb")->confidence, "recalled");
  EXPECT_EQ(genoa->fact("peak_dense_tflops.bf16")->confidence, "derived");
  EXPECT_THAT(genoa->fact("peak_dense_tflops.bf16")->source, HasSubstr("cores x clock"));
  EXPECT_THAT(genoa->fact("peak_dense_tflops.fp4").reason(),
              HasSubstr("has no peak_dense_tflops.fp4"));
}

TEST(ShippedHardware, AGroupWithItsOwnSourceSpeaksForItself) {
  const Hardware* h100 = shipped().device("nvidia-h100-sxm");
  ASSERT_NE(h100, nullptr);
  EXPECT_EQ(h100->fact("street_price_usd.typical")->confidence, "unrecorded");
  EXPECT_EQ(h100->fact("peak_dense_tflops.bf16")->confidence, "read");
}

TEST(ShippedHardware, IdsAreUnique) {
  std::set<std::string> ids;
  for (const Hardware& device : shipped().devices) EXPECT_TRUE(ids.insert(device.id).second);
  for (const Generation& one : shipped().generations) EXPECT_TRUE(ids.insert(one.id).second);
}

TEST(ShippedHardware, NoGenerationHasWhatItLacksAndNoTwoClaimTheSameModel) {
  for (const Generation& a : shipped().generations) {
    EXPECT_FALSE(a.source.empty()) << a.id;
    for (const std::string& feature : a.has)
      EXPECT_THAT(a.lacks, testing::Not(testing::Contains(feature))) << a.id;
    for (const Generation& b : shipped().generations) {
      if (&a == &b || a.vendor != b.vendor || a.family != b.family) continue;
      for (const auto& [a_first, a_last] : a.models)
        for (const auto& [b_first, b_last] : b.models) {
          const bool apart = a_last < b_first || b_last < a_first;
          const bool stepped = a.steppings && b.steppings &&
                               (a.steppings->second < b.steppings->first ||
                                b.steppings->second < a.steppings->first);
          EXPECT_TRUE(apart || stepped) << a.id << " and " << b.id;
        }
    }
  }
}

/// A folder of its own with one valid device and generation, to be spoilt.
class HardwareFolder : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              ("ergon-hardware-" + std::to_string(testing::UnitTest::GetInstance()->random_seed()) +
               testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(folder_);
    write("generations.toml",
          "schema = \"ergon-generations/1\"\n[[generation]]\nid = \"g\"\nname = \"G\"\n"
          "vendor = \"V\"\nmodels = [[1, 2]]\nsource = \"s\"\nconfidence = \"read\"\n");
    write("a.toml", device());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  static std::string device(const std::string& more = "") {
    return "schema = \"ergon-hardware/1\"\nid = \"a\"\nname = \"A\"\nvendor = \"V\"\nkind = "
           "\"cpu\"\n"
           "source = \"s\"\nas_of = \"2026\"\nconfidence = \"read\"\ntdp_w = 10\n" +
           more;
  }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
  }
  std::string refusal() {
    try {
      load_hardware(folder_.string());
    } catch (const UserError& error) {
      return error.what();
    }
    return "accepted";
  }
  std::filesystem::path folder_;
};

TEST_F(HardwareFolder, IsReadWhereAllIsWell) { EXPECT_EQ(refusal(), "accepted"); }

TEST_F(HardwareFolder, NamesTheNearestKeyForAnUnknownOne) {
  write("a.toml", device("tdp_ww = 3\n"));
  EXPECT_THAT(refusal(), HasSubstr("a.toml:10: tdp_ww: is not known here; did you mean 'tdp_w'?"));
}

TEST_F(HardwareFolder, RefusesADeviceWithoutSource) {
  std::string text = device();
  text.erase(text.find("source"), std::string("source = \"s\"\n").size());
  write("a.toml", text);
  EXPECT_THAT(refusal(), HasSubstr("source: is missing"));
}

TEST_F(HardwareFolder, RefusesAConfidenceThatIsNoneOfTheFour) {
  write("b.toml",
        "schema = \"ergon-hardware/1\"\nid = \"b\"\nname = \"B\"\nvendor = \"V\"\n"
        "kind = \"cpu\"\nsource = \"s\"\nas_of = \"2026\"\nconfidence = \"sure\"\n");
  EXPECT_THAT(refusal(), HasSubstr("b.toml:8: confidence: must be read, recalled, derived or"));
}

TEST_F(HardwareFolder, RefusesRecalledNamesThatAreNoFacts) {
  write("a.toml", device("recalled = [\"cores\"]\n"));
  EXPECT_THAT(refusal(), HasSubstr("recalled: 'cores' is no fact of this file"));
}

TEST_F(HardwareFolder, RefusesAnUnknownGeneration) {
  write("a.toml", device("generation = \"zen9\"\n"));
  EXPECT_THAT(refusal(), HasSubstr("generation: 'zen9' is in no generations file"));
}

TEST_F(HardwareFolder, RefusesAFactThatIsNotAboveZero) {
  write("a.toml", device("cores = 0\n"));
  EXPECT_THAT(refusal(), HasSubstr("a.toml:10: cores: must be above 0"));
}

TEST_F(HardwareFolder, RefusesAnUnknownSchemaAndAMissingFolder) {
  write("z.toml", "schema = \"other\"\n");
  EXPECT_THAT(refusal(), HasSubstr("schema: 'other' is not known in this folder"));
  EXPECT_THROW(load_hardware("/does/not/exist"), UserError);
}

}  // namespace
}  // namespace ergon::config
