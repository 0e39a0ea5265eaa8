#include "bench/record/read.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "bench/base/error.h"
#include "bench/record/json.h"
#include "bench/record/parse.h"
#include "make_document.h"

namespace ergon::record {
namespace {

using ::testing::HasSubstr;

std::string good_text() { return to_text(make_document()); }

std::string with(const std::string& from, const std::string& to) {
  std::string text = good_text();
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

struct Refusal {
  Where where;
  std::string message;
};

Refusal refusal(const std::string& text) {
  try {
    document_from_text(text, "a.json");
  } catch (const UserError& error) {
    return {error.where(), error.what()};
  }
  ADD_FAILURE() << "was read";
  return {};
}

int line_with(const std::string& text, const std::string& part) {
  const auto end = text.begin() + static_cast<std::ptrdiff_t>(text.find(part));
  return 1 + static_cast<int>(std::count(text.begin(), end, '\n'));
}

TEST(RecordReader, NamesTheLineOfASyntaxError) {
  const std::string text = with("\"complete\": true", "\"complete\": treu");
  const Refusal refused = refusal(text);
  EXPECT_EQ(refused.where.file, "a.json");
  EXPECT_EQ(refused.where.line, line_with(text, "treu"));
}

TEST(RecordReader, NamesLineAndFieldOfAWrongType) {
  const std::string text = with("\"launches\": 1", "\"launches\": \"one\"");
  const Refusal refused = refusal(text);
  EXPECT_EQ(refused.where.field, "/run/launches");
  EXPECT_EQ(refused.where.line, line_with(text, "\"one\""));
  EXPECT_THAT(refused.message, HasSubstr("expected an integer, found a value of type string"));
}

TEST(RecordReader, NamesLineAndFieldOfAValueOutOfRange) {
  const std::string text = with("\"cache\": \"cold\"", "\"cache\": \"tepid\"");
  const Refusal refused = refusal(text);
  EXPECT_EQ(refused.where.field, "/rows/0/cache");
  EXPECT_EQ(refused.where.line, line_with(text, "tepid"));
}

TEST(RecordReader, NamesTheLineOfASample) {
  Document document = make_document();
  document.rows[1].samples[3].calls = -7;
  const std::string text = to_text(document);
  const Refusal refused = refusal(text);
  EXPECT_EQ(refused.where.field, "/rows/1/time/samples/3/calls");
  EXPECT_EQ(refused.where.line, line_with(text, "-7"));
}

TEST(RecordReader, RefusesAnUnknownName) {
  const Refusal refused = refusal(with("\"launches\"", "\"lunches\": 2, \"launches\""));
  EXPECT_EQ(refused.where.field, "/run/lunches");
  EXPECT_THAT(refused.message, HasSubstr("unknown name"));
}

TEST(RecordReader, RefusesAMissingName) {
  const Refusal refused = refusal(with("\"launches\": 1", "\"complete\": true"));
  EXPECT_THAT(refused.message, HasSubstr("appears twice"));
  EXPECT_EQ(refusal(with(",\n    \"launches\": 1", "")).where.field, "/run/launches");
}

TEST(RecordReader, RefusesNullForAMissingValue) {
  EXPECT_THAT(refusal(with("{\"absent\":\"no cpufreq\"}", "null")).message, HasSubstr("null"));
}

TEST(RecordReader, RefusesAnotherSchema) {
  const Refusal refused = refusal(with("ergon-result/1", "ergon-result/2"));
  EXPECT_EQ(refused.where.field, "/schema");
  EXPECT_THAT(refused.message, HasSubstr("ergon-result/2"));
}

TEST(RecordReader, RefusesEveryTruncation) {
  const std::string text = good_text();
  for (std::size_t bytes = 0; bytes + 2 < text.size(); bytes += 977) {
    EXPECT_THROW(document_from_text(text.substr(0, bytes), "a.json"), UserError) << bytes;
  }
}

TEST(RecordReader, RefusesTextAfterTheDocument) {
  EXPECT_THROW(document_from_text(good_text() + "{}", "a.json"), UserError);
  EXPECT_THAT(refusal(good_text() + std::string("\0{}", 3)).message, HasSubstr("NUL"));
}

TEST(RecordReader, RefusesInvalidUtf8) {
  EXPECT_THAT(refusal(with("Debian", "Deb\xff\xfe")).message, HasSubstr("UTF-8"));
}

TEST(RecordReader, RefusesNumbersThatNoDoubleHolds) {
  EXPECT_THROW(document_from_text(with("\"read_seconds\": 1e-06", "\"read_seconds\": 1e999"), "a"),
               UserError);
  EXPECT_EQ(refusal(with("\"launches\": 1", "\"launches\": 99999999999")).where.field,
            "/run/launches");
}

TEST(RecordReader, RefusesNestingDeeperThanMemory) {
  std::string text;
  for (int i = 0; i < 5'000'000; ++i) text += "[";
  EXPECT_THAT(refusal(text).message, HasSubstr("nested deeper"));
  text = "{\"run\":";
  for (int i = 0; i < 1'000'000; ++i) text += "{\"a\":";
  EXPECT_THAT(refusal(text).message, HasSubstr("nested deeper"));
}

TEST(RecordReader, RefusesObjectsWithMoreNamesThanARecordHas) {
  std::string text = "{\"a\":1";
  for (std::size_t i = 0; i < most_members + 1; ++i) text += ",\"" + std::to_string(i) + "\":1";
  EXPECT_THAT(refusal(text + "}").message, HasSubstr("too many names"));
}

TEST(RecordReader, KeepsItsMessageShortWhateverTheFileHolds) {
  EXPECT_LT(refusal("{\"" + std::string(100'000, 'x') + "\": oops}").message.size(), 300u);
}

TEST(RecordReader, SaysWhichFileItCannotOpen) {
  try {
    read_document("/nonexistent/a.json");
    FAIL();
  } catch (const UserError& error) {
    EXPECT_EQ(error.where().file, "/nonexistent/a.json");
  }
  EXPECT_THROW(read_document("/"), UserError);
}

TEST(RecordReader, FindsTheLineOfAPointer) {
  const std::string text = "{\n \"a\": [\n  1,\n  {\"b\":\n   2}\n ]}\n";
  EXPECT_EQ(line_of(text, "/a"), 2);
  EXPECT_EQ(line_of(text, "/a/0"), 3);
  EXPECT_EQ(line_of(text, "/a/1"), 4);
  EXPECT_EQ(line_of(text, "/a/1/b"), 4);
  EXPECT_EQ(line_of(text, ""), 1);
  EXPECT_EQ(line_of(text, "/c"), 0);
}

}  // namespace
}  // namespace ergon::record
