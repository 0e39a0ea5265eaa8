#include "bench/measure/filter.h"

#include <gtest/gtest.h>

#include "bench/base/error.h"

namespace ergon::measure {
namespace {

const std::string name =
    "gemm/m=1024,n=1024,k=1024/bf16/onednn:onednn:packed-once/cpu/threads:2/warm";

TEST(Filter, FindsAnywhereUnlessAnchored) {
  EXPECT_TRUE(Filter("").finds(name));
  EXPECT_TRUE(Filter("n=1024").finds(name));
  EXPECT_TRUE(Filter("^gemm/.*(warm|cold)$").finds(name));
  EXPECT_TRUE(Filter("m=[0-9]+,n=\\d+").finds(name));
  EXPECT_TRUE(Filter("f(16|32)/(?:onednn|cblas)").finds(name));
  EXPECT_FALSE(Filter("^bf16").finds(name));
  EXPECT_FALSE(Filter("threads:2$").finds(name));
}

TEST(Filter, RefusesWhatIsNoExpressionOrNoBoundedOne) {
  for (const std::string text : {"[", "(", "*", "a{2}", "((a{100}){100}){100}", "(a)\\1"})
    EXPECT_THROW(Filter{text}, UserError) << text;
  EXPECT_THROW(Filter{std::string(60000, '(') + std::string(60000, ')')}, UserError);
  EXPECT_NO_THROW(Filter{"a\\{2"});
}

// A backtracking matcher would not come back from these.
TEST(Filter, AnswersWhateverItIsAsked) {
  EXPECT_FALSE(Filter("(.*)*(.*)*(.*)*(.*)*zzz$").finds(name));
  EXPECT_FALSE(Filter("(([a-z0-9=,/:-]+)+)+!").finds(name));
  const auto times = [](const std::string& text, int count) {
    std::string out;
    for (int i = 0; i < count; ++i) out += text;
    return out;
  };
  EXPECT_FALSE(Filter(times("(.*)*", 190) + "!").finds(name));
  EXPECT_FALSE(Filter(times("(", 300) + ".*" + times(")*", 300) + "!").finds(name));
  EXPECT_FALSE(Filter(times("(", 490) + times(")", 490) + "!").finds(name));
  EXPECT_FALSE(Filter(times("a|", 490) + "!!").finds("b"));
}

}  // namespace
}  // namespace ergon::measure
