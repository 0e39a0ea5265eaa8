// Suites that name models and parts instead of n and k.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "bench/config/suite.h"

namespace ergon::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string head = "name = \"t\"\n[[gemm]]\n";

std::string models_folder() { return std::string(ERGON_SOURCE_DIR) + "/configs/models"; }

Suite suite_of(const std::string& body, const Maybe<std::string>& folder = models_folder()) {
  Suite suite = parse_suite(head + body, "t.toml");
  find_shapes(suite, folder);
  return suite;
}

std::string refusal(const std::string& body, const Maybe<std::string>& folder = models_folder()) {
  try {
    suite_of(body, folder);
  } catch (const UserError& error) {
    return error.what();
  }
  return "accepted";
}

/// "8: 4096x14336", for m, n and k.
std::vector<std::string> cases_of(const std::string& body) {
  std::vector<std::string> texts;
  const Suite suite = suite_of(body);
  for (const SuiteCase& fields : expand(suite.entries.at(0))) {
    const auto size = [&fields](std::string_view name) {
      return std::to_string(std::get<std::int64_t>(fields.find(name)->second.value));
    };
    texts.push_back(size("m") + ": " + size("n") + "x" + size("k"));
  }
  return texts;
}

TEST(SuiteModels, StandForPairsThatMultiplyOutWithTheLists) {
  EXPECT_THAT(cases_of("m = [1, 8]\nmodel = \"llama-3.1-8b\"\npart = \"ffn\"\n"),
              ElementsAre("1: 28672x4096", "8: 28672x4096", "1: 4096x14336", "8: 4096x14336"));
}

TEST(SuiteModels, StandForAllPartsWhereNoneIsGiven) {
  EXPECT_THAT(cases_of("m = 1\nmodel = \"llama-3.1-8b\"\n"),
              ElementsAre("1: 6144x4096", "1: 4096x4096", "1: 28672x4096", "1: 4096x14336",
                          "1: 128256x4096"));
}

TEST(SuiteModels, HaveTheirShapesOnce) {
  // Mistral 7B and Llama 3.1 8B differ in their vocabularies only.
  EXPECT_THAT(cases_of("m = 1\nmodel = [\"llama-3.1-8b\", \"mistral-7b\"]\n"
                       "part = [\"attention_out\", \"attention\", \"lm_head\"]\n"),
              ElementsAre("1: 4096x4096", "1: 6144x4096", "1: 128256x4096", "1: 32000x4096"));
}

TEST(SuiteModels, GiveTheirLineToTheShapes) {
  const Suite suite =
      suite_of("m = 1\nmodel = [\n  \"llama-3.1-8b\",\n  \"gpt-oss-20b\",\n]\npart = \"q\"\n");
  const auto cases = expand(suite.entries.at(0));
  ASSERT_EQ(cases.size(), 2u);
  EXPECT_EQ(cases[0].at("n").line, 5);
  EXPECT_EQ(cases[1].at("n").line, 6);
  EXPECT_EQ(cases[1].at("k").line, 6);
}

/// Of an [[attention]] table: "64/8 128".
std::vector<std::string> heads_and_windows(const std::string& body) {
  Suite suite = parse_suite("name = \"t\"\n[[attention]]\n" + body, "t.toml");
  find_shapes(suite, models_folder());
  std::vector<std::string> texts;
  for (const SuiteCase& fields : expand(suite.entries.at(0))) {
    const auto number = [&fields](std::string_view name) {
      const auto found = fields.find(name);
      if (found == fields.end()) return std::string("-");
      return std::to_string(std::get<std::int64_t>(found->second.value));
    };
    texts.push_back(number("kv_len") + ": " + number("q_heads") + "/" + number("kv_heads") + " " +
                    number("window"));
  }
  return texts;
}

TEST(SuiteModels, GiveTheLayersOfTheirAttention) {
  const std::string sizes = "kv_len = [1, 2]\nmodel = \"gpt-oss-20b\"\n";
  EXPECT_THAT(heads_and_windows(sizes),
              ElementsAre("1: 64/8 -", "2: 64/8 -", "1: 64/8 128", "2: 64/8 128"));
  EXPECT_THAT(heads_and_windows(sizes + "part = \"window\"\n"),
              ElementsAre("1: 64/8 128", "2: 64/8 128"));
}

TEST(SuiteModels, HaveTheSameAttentionOnce) {
  // Both have 32 heads over 8; the one has a window.
  EXPECT_THAT(heads_and_windows("kv_len = 1\n"
                                "model = [\"llama-3.1-8b\", \"qwen3-8b\", \"mistral-7b\"]\n"),
              ElementsAre("1: 32/8 -", "1: 32/8 4096"));
}

TEST(SuiteModels, RefuseFieldsAndPartsThatAnAttentionHasNot) {
  const auto refused = [](const std::string& body) {
    try {
      heads_and_windows(body);
    } catch (const UserError& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  EXPECT_EQ(refused("model = \"llama-3.1-8b\"\nkv_heads = 8\n"),
            "t.toml:4: attention[1].kv_heads: cannot stand beside `model`, which gives it");
  EXPECT_EQ(refused("model = \"llama-3.1-8b\"\npart = \"window\"\n"),
            "t.toml:4: attention[1].part: llama-3.1-8b has no part 'window'; it has all, full");
  EXPECT_EQ(refused("model = \"llama-3.1-8b\"\nn = 8\n"), "accepted") << "the family's to refuse";
}

TEST(SuiteModels, AreNamedByASuiteOrNot) {
  EXPECT_TRUE(names_models(suite_of("model = \"llama-3.1-8b\"\n")));
  EXPECT_FALSE(names_models(suite_of("m = 1\n")));
}

TEST(SuiteModels, GuessWhatAnUnknownModelIsMeantToBe) {
  EXPECT_EQ(refusal("model = [\n\"qwen3-8b\",\n\"lama-3.1-8b\"]\n"),
            "t.toml:5: gemm[1].model: there is no model 'lama-3.1-8b' in " + models_folder() +
                "; did you mean 'llama-3.1-8b'?");
}

TEST(SuiteModels, GuessWhatAnUnknownPartIsMeantToBe) {
  EXPECT_EQ(refusal("model = \"llama-3.1-8b\"\npart = [\"qkv\",\n\"ffm\"]\n"),
            "t.toml:5: gemm[1].part: llama-3.1-8b has no part 'ffm'; did you mean 'ffn'?");
}

TEST(SuiteModels, SayWhichPartsAModelHasThatLacksOne) {
  EXPECT_EQ(refusal("model = [\"llama-3.1-8b\", \"mixtral-8x7b\"]\npart = \"ffn\"\n"),
            "t.toml:4: gemm[1].part: mixtral-8x7b has no part 'ffn'; it has all, attention, "
            "experts, qkv, q, k, v, attention_out, expert_gate_up, expert_down, router, lm_head");
  EXPECT_THAT(refusal("model = \"deepseek-v3\"\npart = \"qkv\"\n"),
              HasSubstr("deepseek-v3 has no part 'qkv'; it has all, attention, ffn, experts, "
                        "q_down, q_up, kv_down, kv_up, attention_out"));
}

TEST(SuiteModels, RefuseToStandBesideTheSizesThatTheyGive) {
  EXPECT_EQ(refusal("model = \"llama-3.1-8b\"\nn = 4096\n"),
            "t.toml:4: gemm[1].n: cannot stand beside `model`, which gives it");
  EXPECT_EQ(refusal("k = [1, 2]\nmodel = \"llama-3.1-8b\"\n"),
            "t.toml:3: gemm[1].k: cannot stand beside `model`, which gives it");
}

TEST(SuiteModels, RefuseAPartOfNoModel) {
  EXPECT_EQ(refusal("m = 1\npart = \"ffn\"\n"),
            "t.toml:4: gemm[1].part: is of a model, and no `model` is given");
}

TEST(SuiteModels, RefuseWhatIsNoName) {
  EXPECT_EQ(refusal("model = 8\n"), "t.toml:3: gemm[1].model: must hold names (strings)");
  EXPECT_THAT(refusal("model = []\n"), HasSubstr("gemm[1].model: is an empty list"));
}

TEST(SuiteModels, CountAmongTheCombinations) {
  std::string list = "[0";
  for (int i = 1; i < 30000; ++i) list += "," + std::to_string(i);
  const std::string many = "m = " + list + "]\nmodel = \"llama-3.1-8b\"\n";
  EXPECT_EQ(refusal(many), "t.toml:3: gemm[1].m: the lists multiply out to more than 100000 cases");
  EXPECT_EQ(refusal(many + "part = \"ffn\"\n"), "accepted");
}

TEST(SuiteModels, SayWhyThereIsNoFolderOfThem) {
  EXPECT_EQ(refusal("model = \"llama-3.1-8b\"\n", Absent{"no configs/ folder"}),
            "t.toml:3: gemm[1].model: no configs/ folder");
  EXPECT_EQ(refusal("m = 1\n", Absent{"no configs/ folder"}), "accepted");
}

}  // namespace
}  // namespace ergon::config
