// What every registered family, implementation and entry must say about itself.
#include "kernels/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <tuple>

#include "tests/contract/machine.h"

namespace ergon {
namespace {

using testing::IsEmpty;
using testing::Not;

TEST(RegistryContract, EveryImplementationNamesItself) {
  for (const auto& implementation : machine().registry.implementations()) {
    const ImplementationInfo& info = implementation->info();
    SCOPED_TRACE(info.backend + ":" + info.name);
    EXPECT_THAT(info.kernel, Not(IsEmpty()));
    EXPECT_THAT(info.backend, Not(IsEmpty()));
    EXPECT_THAT(info.name, Not(IsEmpty()));
    EXPECT_THAT(info.device_kind, Not(IsEmpty()));
    EXPECT_THAT(info.about, Not(IsEmpty()));
  }
}

TEST(RegistryContract, NoTwoImplementationsShareAKey) {
  std::set<std::tuple<std::string, std::string, std::string, std::string>> seen;
  for (const auto& implementation : machine().registry.implementations()) {
    const ImplementationInfo& info = implementation->info();
    EXPECT_TRUE(seen.insert({info.kernel, info.backend, info.name, info.variant}).second)
        << info.kernel << " " << info.backend << ":" << info.name << ":" << info.variant;
  }
}

TEST(RegistryContract, EveryImplementationComputesAFamilyThatExists) {
  for (const auto& implementation : machine().registry.implementations())
    EXPECT_NE(machine().registry.family(implementation->info().kernel), nullptr)
        << implementation->info().kernel;
}

TEST(RegistryContract, WhatIsUnavailableSaysWhy) {
  for (const auto& implementation : machine().registry.implementations()) {
    const auto reason = implementation->unavailable();
    EXPECT_THAT(reason.value_or("available"), Not(IsEmpty())) << implementation->info().name;
  }
}

TEST(RegistryContract, EveryEntryIsThereOrSaysWhatItNeeds) {
  for (const RegistryEntry& entry : registry_entries())
    EXPECT_NE(entry.make == nullptr, entry.absent.empty()) << entry.kernel << " " << entry.backend;
}

TEST(RegistryContract, EveryBackendHasOneEntry) {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  for (const RegistryEntry& entry : registry_entries())
    EXPECT_TRUE(seen.insert({entry.kernel, entry.backend}).second) << entry.backend;
}

TEST(RegistryContract, EveryFamilyOfKernelsHasAReferenceAndANaiveLoop) {
  for (const Family* family : machine().registry.families()) {
    if (family->name() == "ceiling") continue;  // they bound kernels, and are none
    std::set<std::string> backends;
    for (const auto& implementation : machine().registry.implementations())
      if (implementation->info().kernel == family->name() && !implementation->unavailable())
        backends.insert(implementation->info().backend);
    EXPECT_THAT(backends, testing::IsSupersetOf({"naive", "reference"})) << family->name();
  }
}

TEST(RegistryContract, EveryFieldExplainsItselfAndFitsItsOwnLimits) {
  for (const Family* family : machine().registry.families()) {
    std::set<std::string_view> seen;
    for (const FieldSpec& field : family->fields()) {
      SCOPED_TRACE(std::string(family->name()) + "." + std::string(field.name));
      EXPECT_THAT(field.help, Not(IsEmpty()));
      EXPECT_TRUE(seen.insert(field.name).second);
      const std::vector<FieldSpec> one = {field};
      EXPECT_NO_THROW(complete(one, {{std::string(field.name), field.fallback}}));
    }
  }
}

TEST(RegistryContract, AnUnknownFamilyIsNull) {
  EXPECT_EQ(machine().registry.family("no such kernel"), nullptr);
}

ImplementationInfo named(std::string backend, std::string name, std::string variant) {
  ImplementationInfo info;
  info.backend = std::move(backend);
  info.name = std::move(name);
  info.variant = std::move(variant);
  return info;
}

TEST(Selector, PicksByBackendThenNameThenVariant) {
  const auto packed = named("onednn", "onednn", "packed-once");
  EXPECT_TRUE(matches("onednn", packed));
  EXPECT_TRUE(matches("onednn:onednn", packed));
  EXPECT_TRUE(matches("onednn:onednn:packed-once", packed));
}

TEST(Selector, PicksNothingElse) {
  const auto openblas = named("cblas", "openblas", "");
  EXPECT_FALSE(matches("", openblas));
  EXPECT_FALSE(matches("cbl", openblas));
  EXPECT_FALSE(matches("openblas", openblas));
  EXPECT_FALSE(matches("cblas:blis", openblas));
  EXPECT_FALSE(matches("cblas:openblas:packed", openblas));
  EXPECT_FALSE(matches("cblas:openblas::", openblas));
}

}  // namespace
}  // namespace ergon
