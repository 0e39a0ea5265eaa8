// Tables of docs/method.md that a test writes: what stands between two comments there must be what
// was found here. ERGON_UPDATE_DOCS=1 writes it anew.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

namespace ergon::testing {

#if defined(__SANITIZE_ADDRESS__)  // ten times slower; what is counted is counted elsewhere
inline constexpr bool counts = false;
#else
inline constexpr bool counts = true;
#endif

inline void compare_with_docs(const std::string& marker, const std::string& fresh) {
  const std::string path = std::string(ERGON_SOURCE_DIR) + "/docs/method.md";
  std::ostringstream whole;
  whole << std::ifstream(path).rdbuf();
  std::string text = whole.str();
  const std::string open = "<!-- " + marker + " -->\n\n";
  const std::string close = "\n<!-- end -->";
  const auto begin = text.find(open);
  ASSERT_NE(begin, std::string::npos) << marker;
  const auto from = begin + open.size();
  const auto to = text.find(close, from);
  ASSERT_NE(to, std::string::npos) << marker;
  if (std::getenv("ERGON_UPDATE_DOCS") != nullptr) {
    std::ofstream(path) << text.replace(from, to - from, fresh);
    return;
  }
#if defined(__x86_64__)  // elsewhere multiplications and additions are fused
  if (counts) {
    EXPECT_EQ(text.substr(from, to - from), fresh) << "ERGON_UPDATE_DOCS=1 writes it anew";
  }
#endif
}

}  // namespace ergon::testing
