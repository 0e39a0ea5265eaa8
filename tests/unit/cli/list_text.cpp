#include "bench/cli/list_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/measure/fake.h"

namespace ergon::cli {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

struct AList : ::testing::Test {
  measure::Case case_of(const testing::Doubling& workload) {
    measure::Case what;
    what.family = &family;
    what.workload = std::make_shared<testing::Doubling>(workload);
    what.implementation = &implementation;
    what.device = &device;
    return what;
  }
  VirtualClock clock;
  testing::FakeDevice device{clock};
  testing::DoublingFamily family;
  testing::FakeImplementation implementation{"fake"};
};

TEST_F(AList, OfPlainCasesHasWorkAndMemory) {
  EXPECT_EQ(list_text({case_of({})}),
            "case                                           FLOP      bytes  footprint\n"
            "doubling/n=1/f32/fake/cpu/threads:1/warm         6        48 B     4.1 kB\n");
}

TEST_F(AList, OfQuantizedCasesHasTokensAndBitsToo) {
  EXPECT_THAT(list_text({case_of({}), case_of(testing::quantized_doubling())}),
              AllOf(HasSubstr("      bytes     tokens  bits/weight  footprint\n"),
                    HasSubstr("       48 B                             4.1 kB\n"),
                    HasSubstr("       48 B          8          4.5     4.1 kB\n")));
}

TEST_F(AList, OfAttentionHasWhatATokenAddsToTheCache) {
  testing::Doubling attention;
  attention.kv_bytes = 4096;
  EXPECT_THAT(list_text({case_of({}), case_of(attention)}),
              AllOf(HasSubstr("      bytes  KV B/token  footprint\n"),
                    HasSubstr("       48 B                 4.1 kB\n"),
                    HasSubstr("       48 B        4096     4.1 kB\n")));
}

TEST_F(AList, SaysWhyACaseCannotRun) {
  measure::Case skipped = case_of(testing::quantized_doubling());
  skipped.skip = "no such unit";
  const std::string text = list_text({case_of({}), skipped});
  EXPECT_THAT(text, EndsWith("\nnot here:\n  " + skipped.name() + ": no such unit\n"));
  EXPECT_THAT(text.substr(0, text.find('\n')), Not(HasSubstr("tokens")));
}

}  // namespace
}  // namespace ergon::cli
