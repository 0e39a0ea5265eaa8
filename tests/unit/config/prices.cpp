#include "bench/config/prices.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "bench/base/error.h"

namespace ergon::config {
namespace {

using testing::HasSubstr;

const std::string configs = std::string(ERGON_SOURCE_DIR) + "/configs";

const HardwareCatalogue& hardware() {
  static const HardwareCatalogue catalogue = load_hardware(configs + "/hardware");
  return catalogue;
}
const Prices& prices() {
  static const Prices all = load_prices(configs + "/prices");
  return all;
}

CpuIdentity sapphire_rapids_guest() {
  return {"GenuineIntel", "Intel Xeon Processor", 6, 143, 8, true, {"amx_bf16", "amx_int8"}};
}

std::string refusal(std::string_view instance) {
  try {
    find_price(prices(), instance);
  } catch (const UserError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(ShippedPrices, EveryInstanceHasSourceDateRegionKindAndAKnownDevice) {
  EXPECT_GE(prices().instances.size(), 50u);
  for (const Instance& one : prices().instances) {
    EXPECT_FALSE(one.source.empty() || one.as_of.empty() || one.region.empty() || one.kind.empty())
        << one.name;
    const Hardware* device = hardware().device(one.device);
    ASSERT_NE(device, nullptr) << one.name << " holds " << one.device;
    EXPECT_EQ(one.vcpus.has_value(), device->kind == "cpu") << one.name;
  }
}

TEST(ShippedPrices, EveryListHasAStandardFigureAndEveryFigureASource) {
  for (const PriceList* list : {&prices().electricity, &prices().pue, &prices().amortisation,
                                &prices().server_overhead, &prices().capital_factor}) {
    EXPECT_GT(list->standard().value, 0) << list->file;
    for (const PriceFigure& figure : list->figures)
      EXPECT_FALSE(figure.source.empty() || figure.as_of.empty() || figure.confidence.empty())
          << figure.id;
  }
  EXPECT_EQ(prices().electricity.standard().value, 0.0806);
}

TEST(ShippedPrices, AllInFiguresAreMarkedAsHoldingPue) {
  for (const PriceFigure& figure : prices().server_overhead.figures)
    EXPECT_EQ(figure.holds_pue, figure.id.find("all-in") != std::string::npos) << figure.id;
}

TEST(FindPrice, ChargesANamedInstanceWhole) {
  const RentPrice price = find_price(prices(), "aws C7I.48xlarge");
  EXPECT_EQ(price.id, "AWS c7i.48xlarge");
  EXPECT_EQ(price.usd_per_hour, (Estimate{8.568, 8.568, 8.568}));
  EXPECT_EQ(price.share, 1);
  EXPECT_EQ(price.kind, "on-demand");
}

TEST(FindPrice, NamesTheNearestInstanceForAnUnknownOne) {
  EXPECT_THAT(refusal("c7i.48xlrge"), HasSubstr("did you mean 'c7i.48xlarge'?"));
  EXPECT_THAT(refusal("c7i.48xlrge"), HasSubstr("--instance"));
}

TEST(FindPrice, RefusesANameThatSeveralBear) {
  EXPECT_THAT(refusal("3yr rental"), HasSubstr("names the prices of"));
}

TEST(DefaultPrice, IsAMarkedShareByVirtualProcessors) {
  const auto price = default_price(prices(), hardware(), sapphire_rapids_guest(), 2);
  ASSERT_TRUE(price) << price.reason();
  EXPECT_EQ(price->id, "AWS c7i.48xlarge");
  EXPECT_EQ(price->kind, "on-demand share");
  EXPECT_DOUBLE_EQ(price->share, 2.0 / 192);
  EXPECT_DOUBLE_EQ(price->usd_per_hour.value * price->share, 0.08925);
  EXPECT_THAT(price->rests_on, HasSubstr("2 of 192 vCPUs of AWS c7i.48xlarge; CPUID family 6"));
}

TEST(DefaultPrice, RangesOverEveryInstanceThatFits) {
  CpuIdentity cpu = sapphire_rapids_guest();
  cpu.model = 167;  // claims what cannot be: Sapphire, Emerald or Granite Rapids
  const auto price = default_price(prices(), hardware(), cpu, 2);
  ASSERT_TRUE(price) << price.reason();
  EXPECT_DOUBLE_EQ(price->usd_per_hour.low, 8.568);
  // c8i.96xlarge: 17.99232 USD for 384 virtual processors, as many dollars for 192.
  EXPECT_DOUBLE_EQ(price->usd_per_hour.high, 8.99616);
  EXPECT_EQ(price->confidence, "recalled");
}

TEST(DefaultPrice, NeverScalesAnInstanceThatIsSoldWhole) {
  const auto price =
      default_price(prices(), hardware(),
                    {"AuthenticAMD", "AMD EPYC Processor", 25, 17, 1, true, {"avx512f"}}, 4);
  ASSERT_TRUE(price) << price.reason();
  EXPECT_EQ(price->id, "AWS c7a.48xlarge");
  EXPECT_EQ(price->usd_per_hour.low, price->usd_per_hour.high);
}

TEST(DefaultPrice, IsAbsentWithTheRemedyWhereNothingFits) {
  const auto unknown =
      default_price(prices(), hardware(), {"GenuineIntel", "", 6, 60, 3, false, {"avx2"}}, 4);
  EXPECT_FALSE(unknown);
  EXPECT_THAT(unknown.reason(), HasSubstr("give --instance or --usd-per-hour"));
  const auto unpriced =
      default_price(prices(), hardware(), {"AuthenticAMD", "", 25, 0x61, 2, false, {"avx512f"}}, 4);
  EXPECT_FALSE(unpriced);
  EXPECT_THAT(unpriced.reason(), HasSubstr("Raphael"));
}

}  // namespace
}  // namespace ergon::config
