// Telling processors by what they say, and not believing what cannot be.
#include "bench/config/match.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "bench/config/power.h"

namespace ergon::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const HardwareCatalogue& shipped() {
  static const HardwareCatalogue catalogue =
      load_hardware(std::string(ERGON_SOURCE_DIR) + "/configs/hardware");
  return catalogue;
}

const std::vector<std::string> amx = {"avx2",        "avx512f",     "avx512_vnni",
                                      "avx512_bf16", "avx512_fp16", "avx_vnni",
                                      "amx_tile",    "amx_bf16",    "amx_int8"};
const std::vector<std::string> zen4 = {"avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16"};

std::vector<std::string> generations(const Maybe<CpuMatch>& match) {
  std::vector<std::string> ids;
  for (const Generation* one : match.value().generations) ids.push_back(one->id);
  return ids;
}

TEST(NamesPart, TakesWholeWordsWhateverTheTrademarks) {
  EXPECT_TRUE(names_part("AMD EPYC 9654 96-Core Processor", "EPYC 9654"));
  EXPECT_FALSE(names_part("AMD EPYC 9654P 96-Core Processor", "EPYC 9654"));
  EXPECT_TRUE(names_part("Intel(R) Xeon(R) Platinum 8380 CPU @ 2.30GHz", "Xeon Platinum 8380"));
  EXPECT_FALSE(names_part("Intel(R) Xeon(R) Platinum 8380H CPU @ 2.90GHz", "Xeon Platinum 8380"));
  EXPECT_TRUE(names_part("INTEL(R) XEON(R) PLATINUM 8592+", "Xeon Platinum 8592+"));
  EXPECT_FALSE(names_part("anything", ""));
}

TEST(MatchCpu, ABrandStringNamesThePartItself) {
  const auto match = match_cpu(
      shipped(), {"AuthenticAMD", "AMD EPYC 9654 96-Core Processor", 25, 17, 1, false, zen4});
  ASSERT_TRUE(match) << match.reason();
  EXPECT_EQ(match->basis, MatchBasis::brand);
  ASSERT_EQ(match->devices.size(), 1u);
  EXPECT_EQ(match->devices[0]->id, "amd-epyc-9654");
  EXPECT_EQ(match->rests_on, "brand string \"AMD EPYC 9654 96-Core Processor\"");
}

TEST(MatchCpu, FamilyAndModelNameTheGenerationWhereTheGuestHidesTheBrand) {
  const auto match =
      match_cpu(shipped(), {"AuthenticAMD", "AMD EPYC Processor", 25, 17, 1, true, zen4});
  ASSERT_TRUE(match) << match.reason();
  EXPECT_EQ(match->basis, MatchBasis::family_model);
  EXPECT_THAT(generations(match), ElementsAre("amd-genoa"));
  EXPECT_EQ(match->rests_on, "CPUID family 25 model 17 (Zen 4, Genoa); brand hidden by the guest");
  EXPECT_EQ(match->confidence, "recalled");
}

TEST(MatchCpu, ABrandOutsideTheTablesIsSaidToBe) {
  const auto match = match_cpu(shipped(), {"AuthenticAMD", "AMD EPYC 9R14", 25, 17, 1, true, zen4});
  ASSERT_TRUE(match);
  EXPECT_THAT(match->rests_on, HasSubstr("brand \"AMD EPYC 9R14\" is not in the tables"));
}

TEST(MatchCpu, SteppingsTellGenerationsOfOneModelApart) {
  CpuIdentity cpu{"GenuineIntel", "Intel Xeon Processor", 6, 85, 4, true, {"avx2", "avx512f"}};
  EXPECT_THAT(generations(match_cpu(shipped(), cpu)), ElementsAre("intel-skylake-sp"));
  cpu.stepping = 7;
  EXPECT_THAT(generations(match_cpu(shipped(), cpu)), ElementsAre("intel-cascade-lake"));
  cpu.stepping = 11;
  EXPECT_THAT(generations(match_cpu(shipped(), cpu)), ElementsAre("intel-cooper-lake"));
}

TEST(MatchCpu, AModelThatCannotDoWhatTheProcessorDoesIsNotBelieved) {
  const auto match =
      match_cpu(shipped(), {"GenuineIntel", "Intel(R) Xeon(R) Processor", 6, 167, 1, true, amx});
  ASSERT_TRUE(match) << match.reason();
  EXPECT_EQ(match->basis, MatchBasis::instruction_set);
  EXPECT_THAT(generations(match),
              ElementsAre("intel-sapphire-rapids", "intel-emerald-rapids", "intel-granite-rapids"));
  EXPECT_THAT(match->rests_on, HasSubstr("family 6 model 167 (Rocket Lake) cannot be, for it has "
                                         "no amx_bf16"));
}

TEST(MatchCpu, Amx16BitFloatsLeaveGraniteRapidsOnly) {
  std::vector<std::string> isa = amx;
  isa.push_back("amx_fp16");
  const auto match =
      match_cpu(shipped(), {"GenuineIntel", "Intel(R) Xeon(R) Processor", 6, 167, 1, true, isa});
  EXPECT_THAT(generations(match), ElementsAre("intel-granite-rapids"));
}

TEST(MatchCpu, ABrandThatCannotBeIsNotBelievedEither) {
  const auto match = match_cpu(
      shipped(), {"GenuineIntel", "Intel(R) Xeon(R) Platinum 8380 CPU", 6, 106, 6, true, amx});
  ASSERT_TRUE(match) << match.reason();
  EXPECT_EQ(match->basis, MatchBasis::instruction_set);
}

TEST(MatchCpu, ABrandOfAnotherVendorIsNotBelieved) {
  const auto match =
      match_cpu(shipped(), {"GenuineIntel", "EPYC 9654", 6, 143, 8, true, {"avx2", "avx512f"}});
  EXPECT_THAT(generations(match), ElementsAre("intel-sapphire-rapids"));
}

TEST(MatchCpu, AMaskedInstructionSetIsNoContradiction) {
  const auto match = match_cpu(
      shipped(), {"GenuineIntel", "Intel Xeon Processor", 6, 143, 8, true, {"avx2", "avx512f"}});
  EXPECT_THAT(generations(match), ElementsAre("intel-sapphire-rapids"));
}

TEST(MatchCpu, AnUnknownModelOnBareMetalIsANewProcessorNotAHiddenOne) {
  CpuIdentity cpu{"GenuineIntel", "Intel(R) Xeon(R) 7777P", 6, 250, 1, false, amx};
  const auto bare = match_cpu(shipped(), cpu);
  EXPECT_FALSE(bare);
  EXPECT_EQ(bare.reason(), "CPUID family 6 model 250 is not in the tables");
  cpu.hypervisor = true;
  EXPECT_TRUE(match_cpu(shipped(), cpu));
}

TEST(MatchCpu, AnUnknownVendorIsAbsentWithTheReason) {
  const auto match = match_cpu(shipped(), {"Unheard", "", 1, 1, 1, true, {"avx2"}});
  EXPECT_FALSE(match);
  EXPECT_THAT(match.reason(), HasSubstr("no generation of Unheard fits"));
}

TEST(MatchCpu, ArmPartsAreToldByNumberWhateverTheFamily) {
  const auto match = match_cpu(shipped(), {"Arm", "Arm part 3392", 8, 0xd40, 1, true, {}});
  ASSERT_TRUE(match) << match.reason();
  EXPECT_EQ(match->rests_on, "Arm part 0xd40 (Neoverse V1)");
  ASSERT_EQ(match->devices.size(), 1u);
  EXPECT_EQ(match->devices[0]->id, "aws-graviton3");
}

TEST(MatchPower, TheNamedPartGivesItsOwnFigures) {
  const auto power = match_power(
      shipped(), {"AuthenticAMD", "AMD EPYC 9654 96-Core Processor", 25, 17, 1, false, zen4});
  ASSERT_TRUE(power) << power.reason();
  EXPECT_EQ(power->idle_watts_per_core, (Estimate{0.656, 0.599, 0.763}));
  EXPECT_EQ(power->full_watts_per_core, (Estimate{3.708, 3.281, 4.307}));
  EXPECT_EQ(power->submissions, 15);
  EXPECT_FALSE(power->source.empty());
}

TEST(MatchPower, AHiddenPartGetsTheRangeOfItsGeneration) {
  const auto power =
      match_power(shipped(), {"AuthenticAMD", "AMD EPYC Processor", 25, 17, 1, true, zen4});
  ASSERT_TRUE(power) << power.reason();
  EXPECT_THAT(power->parts, ElementsAre("EPYC 9654", "EPYC 9654P"));
  // Medians 0.656 and 0.755; extremes over both.
  EXPECT_DOUBLE_EQ(power->idle_watts_per_core.value, 0.7055);
  EXPECT_DOUBLE_EQ(power->idle_watts_per_core.low, 0.599);
  EXPECT_DOUBLE_EQ(power->idle_watts_per_core.high, 0.806);
}

TEST(MatchPower, TheRangeSpansEveryPartWhateverTheOrder) {
  const auto power =
      match_power(shipped(), {"AuthenticAMD", "AMD EPYC Processor", 25, 1, 1, true, {"avx2"}});
  ASSERT_TRUE(power) << power.reason();
  EXPECT_THAT(power->parts, ElementsAre("EPYC 7713", "EPYC 7763", "EPYC 7773X"));
  // Idle: 0.852 alone, 0.591 to 1.293, 0.668 to 1.492; medians 0.852, 0.844, 0.875.
  EXPECT_EQ(power->idle_watts_per_core, (Estimate{0.852, 0.591, 1.492}));
}

TEST(MatchPower, SeveralGenerationsMakeTheRangeWider) {
  const auto known =
      match_power(shipped(), {"GenuineIntel", "Intel(R) Xeon(R) Processor", 6, 143, 8, true, amx});
  const auto unknown =
      match_power(shipped(), {"GenuineIntel", "Intel(R) Xeon(R) Processor", 6, 167, 1, true, amx});
  ASSERT_TRUE(known && unknown);
  EXPECT_GT(unknown->parts.size(), known->parts.size());
  EXPECT_LE(unknown->full_watts_per_core.low, known->full_watts_per_core.low);
  EXPECT_GE(unknown->full_watts_per_core.high, known->full_watts_per_core.high);
}

TEST(MatchPower, AProcessorWithoutPublishedResultsHasNone) {
  const auto power = match_power(shipped(), {"Arm", "", 8, 0xd40, 1, true, {}});
  EXPECT_FALSE(power);
  EXPECT_THAT(power.reason(), HasSubstr("no published server result"));
}

}  // namespace
}  // namespace ergon::config
