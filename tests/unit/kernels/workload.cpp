#include "kernels/workload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace ergon {
namespace {

using std::string;
using testing::HasSubstr;

const std::vector<FieldSpec>& specs() {
  static const std::vector<FieldSpec> list = {
      {.name = "q_len",
       .help = "",
       .fallback = std::int64_t{1},
       .required = true,
       .low = 1,
       .high = 9},
      {.name = "groups", .help = "", .fallback = std::int64_t{3}, .low = 1},
      {.name = "scale", .help = "", .fallback = 1.0},
      {.name = "causal", .help = "", .fallback = false},
      {.name = "phase", .help = "", .fallback = string("decode"), .choices = {"decode", "prefill"}},
      {.name = "dtype", .help = "", .fallback = string("f32")},
  };
  return list;
}

// "field: message" of what complete() throws.
string complaint(FieldMap given) {
  given.insert({"q_len", std::int64_t{1}});
  try {
    complete(specs(), given);
  } catch (const InvalidField& error) {
    return error.field + ": " + error.what();
  }
  return "accepted";
}

TEST(Complete, FillsFallbacks) {
  const FieldMap all = complete(specs(), {{"q_len", std::int64_t{4}}});
  EXPECT_EQ(all.size(), specs().size());
  EXPECT_EQ(all.at("q_len"), FieldValue(std::int64_t{4}));
  EXPECT_EQ(all.at("phase"), FieldValue(string("decode")));
}

TEST(Complete, TakesAnIntegerForAReal) {
  const FieldMap all = complete(specs(), {{"q_len", std::int64_t{4}}, {"scale", std::int64_t{2}}});
  EXPECT_EQ(all.at("scale"), FieldValue(2.0));
}

TEST(Complete, NamesTheNearestFieldForAMisspeltOne) {
  EXPECT_EQ(complaint({{"grups", std::int64_t{1}}}), "grups: no such field; did you mean groups?");
}

TEST(Complete, ListsTheFieldsForAWordThatIsNearNone) {
  EXPECT_THAT(complaint({{"warp_size", std::int64_t{1}}}),
              HasSubstr("the fields are q_len, groups, scale"));
}

TEST(Complete, RefusesTheWrongType) {
  EXPECT_EQ(complaint({{"groups", 2.5}}), "groups: must be an integer, not a number (2.5)");
  EXPECT_EQ(complaint({{"groups", string("2")}}), "groups: must be an integer, not text (2)");
  EXPECT_EQ(complaint({{"causal", std::int64_t{1}}}),
            "causal: must be true or false, not an integer (1)");
}

TEST(Complete, RefusesValuesOutsideTheirLimits) {
  EXPECT_EQ(complaint({{"q_len", std::int64_t{0}}}), "q_len: must be at least 1, not 0");
  EXPECT_EQ(complaint({{"q_len", std::int64_t{10}}}), "q_len: must be at most 9, not 10");
  EXPECT_EQ(complaint({{"groups", std::numeric_limits<std::int64_t>::max()}}), "accepted");
}

TEST(Complete, RefusesWhatIsNotAChoice) {
  EXPECT_EQ(complaint({{"phase", string("prefil")}}),
            "phase: must be one of decode, prefill, not \"prefil\"; did you mean prefill?");
}

TEST(Complete, RefusesNumbersThatAreNotFinite) {
  EXPECT_EQ(complaint({{"scale", std::numeric_limits<double>::infinity()}}),
            "scale: must be finite, not inf");
}

TEST(Complete, MissesARequiredField) {
  try {
    complete(specs(), {});
    FAIL();
  } catch (const InvalidField& error) {
    EXPECT_EQ(error.field, "q_len");
    EXPECT_STREQ(error.what(), "is required");
  }
}

TEST(ToText, IsTheShortestThatReadsBack) {
  EXPECT_EQ(to_text(0.1), "0.1");
  EXPECT_EQ(to_text(1.0), "1");
  EXPECT_EQ(to_text(1.0 / 3), "0.3333333333333333");
  EXPECT_EQ(to_text(true), "true");
  EXPECT_EQ(to_text(std::int64_t{-5}), "-5");
  EXPECT_EQ(to_text(string("row")), "row");
}

class Fixed final : public Workload {
 public:
  explicit Fixed(std::vector<Field> fields) : fields_(std::move(fields)) {}
  std::string_view kernel() const noexcept override { return "toy"; }
  std::vector<Field> fields() const override { return fields_; }
  TypeNames dtypes() const noexcept override { return {}; }
  Work work() const noexcept override { return {}; }
  bool streams_weights() const noexcept override { return false; }

 private:
  std::vector<Field> fields_;
};

class Moving final : public Workload {
 public:
  /// `in_place` bytes of memory are read and written, `streamed` read.
  Moving(double streamed, double in_place) : streamed_(streamed), in_place_(in_place) {}
  std::string_view kernel() const noexcept override { return "toy"; }
  std::vector<Field> fields() const override { return {}; }
  TypeNames dtypes() const noexcept override { return {}; }
  Work work() const noexcept override { return {0, streamed_ + 2 * in_place_}; }
  double distinct_bytes() const noexcept override { return streamed_ + in_place_; }
  bool streams_weights() const noexcept override { return false; }

 private:
  double streamed_, in_place_;
};

TEST(MemoryStream, IsAnUpdateWhereBytesAreReadAndWrittenInPlace) {
  EXPECT_EQ(Moving(100, 0).memory_stream(), "read");
  EXPECT_EQ(Moving(0, 100).memory_stream(), "update");
  EXPECT_EQ(Moving(0, 0).memory_stream(), "read");
}

TEST(MemoryStream, IsOfOneKindWhereTheOtherIsAtMostOneByteIn21) {
  EXPECT_EQ(Moving(200, 5).memory_stream(), "read");
  EXPECT_EQ(Moving(10, 100).memory_stream(), "update");
  EXPECT_EQ(Moving(199, 5).memory_stream(), std::nullopt);
  EXPECT_EQ(Moving(11, 100).memory_stream(), std::nullopt);
}

TEST(Name, HoldsWhatDiffersFromItsFallbackButNotTheDtype) {
  const Fixed toy({{"m", std::int64_t{8}, false},
                   {"layout", string("row"), true},
                   {"beta", 0.5, false},
                   {"dtype", string("bf16"), false}});
  EXPECT_EQ(toy.name(), "toy/m=8,beta=0.5");
}

}  // namespace
}  // namespace ergon
