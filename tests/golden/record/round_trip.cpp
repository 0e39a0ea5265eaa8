// The written form is a public interface: these bytes may change only on purpose.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "bench/record/json.h"
#include "bench/record/read.h"
#include "bench/record/verify.h"

namespace ergon::record {
namespace {

const std::string file = std::string(ERGON_SOURCE_DIR) + "/tests/golden/record/minimal.json";

TEST(GoldenRecord, IsWrittenAsItWasReadByteForByte) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  EXPECT_EQ(to_text(read_document(file)), text.str());
}

TEST(GoldenRecord, IsConsistent) { EXPECT_TRUE(verify_file(file).empty()); }

}  // namespace
}  // namespace ergon::record
