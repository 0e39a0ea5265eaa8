#include "kernels/inputs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

namespace ergon {
namespace {

std::vector<NamedDesc> two_operands() {
  return {{"a", dense(DType::f32, {3, 5})}, {"b", dense(DType::u8, {7})}};
}

TEST(Inputs, StartOperandsOnCacheLinesAndSlotsOnPages) {
  Inputs inputs(two_operands(), 3);
  for (std::size_t slot = 0; slot < 3; ++slot) {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(inputs.data("a", slot)) % 4096, 0U);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(inputs.data("b", slot)) % 64, 0U);
  }
  EXPECT_EQ(inputs.bytes_per_slot(), 4096U);
  EXPECT_EQ(slot_bytes(inputs.operands()), inputs.bytes_per_slot());
}

TEST(Inputs, KeepOperandsAndSlotsApart) {
  Inputs inputs(two_operands(), 2);
  std::memset(inputs.data("a", 0), 1, 60);
  std::memset(inputs.data("b", 0), 2, 7);
  EXPECT_EQ(inputs.as<std::uint8_t>("a", 0)[59], 1);
  EXPECT_EQ(inputs.as<std::uint8_t>("a", 1)[0], 0);
  EXPECT_EQ(inputs.as<std::uint8_t>("b", 1)[0], 0);
}

TEST(Inputs, ReplicateTheFirstSlotInAllOthers) {
  Inputs inputs(two_operands(), 3);
  std::memset(inputs.data("b", 0), 9, 7);
  inputs.replicate();
  for (const std::size_t slot : {std::size_t{1}, std::size_t{2}})
    EXPECT_EQ(std::memcmp(inputs.data("b", 0), inputs.data("b", slot), 7), 0) << slot;
  EXPECT_NE(inputs.data("b", 0), inputs.data("b", 2));
}

TEST(Inputs, MayHoldNothing) {
  Inputs inputs({{"a", dense(DType::f32, {3, 0})}}, 2);
  inputs.replicate();
  EXPECT_EQ(inputs.bytes_per_slot(), 0U);
}

TEST(Inputs, ViewAnOperandAsATensor) {
  const Inputs inputs(two_operands(), 2);
  const HostTensor b = inputs.tensor("b", 1);
  EXPECT_EQ(b.name, "b");
  EXPECT_EQ(b.desc.sizes, inputs.desc("b").sizes);
  EXPECT_EQ(b.data, inputs.data("b", 1));
}

TEST(Inputs, MayLieWhereOthersKeepThemUnderOtherNames) {
  const Inputs owner(two_operands(), 2);
  const Inputs inputs = Inputs::over({{{"x", owner.desc("b")}, owner.data("b", 0), 4096},
                                      {{"shared", owner.desc("a")}, owner.data("a", 0), 0}},
                                     2);
  EXPECT_EQ(inputs.data("x", 1), owner.data("b", 1));
  EXPECT_EQ(inputs.data("shared", 1), owner.data("a", 0));
  EXPECT_EQ(inputs.desc("x").sizes, owner.desc("b").sizes);
  EXPECT_EQ(inputs.bytes_per_slot(), 0U);
}

TEST(Inputs, RefuseNamesThatAreNotOperands) {
  EXPECT_THROW(Inputs(two_operands(), 1).tensor("c", 0), std::out_of_range);
}

TEST(Inputs, RefuseNoSlotsAndMoreThanAddressesReach) {
  EXPECT_THROW(Inputs(two_operands(), 0), std::invalid_argument);
  EXPECT_THROW(Inputs(two_operands(), SIZE_MAX / 2), std::bad_alloc);
}

}  // namespace
}  // namespace ergon
