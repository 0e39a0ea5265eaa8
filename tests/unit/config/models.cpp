// The shipped models, and what the reader refuses.
#include "bench/config/models.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "bench/base/error.h"

namespace ergon::config {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

std::string shipped_folder() { return std::string(ERGON_SOURCE_DIR) + "/configs/models"; }

const std::vector<Model>& shipped() {
  static const std::vector<Model> models = load_models(shipped_folder());
  return models;
}

TEST(ShippedModels, AreAllReadAndSorted) {
  ASSERT_EQ(shipped().size(), 34u);
  EXPECT_EQ(shipped().front().id, "baichuan2-13b");
  EXPECT_EQ(shipped().back().id, "qwen3-8b");
}

TEST(ShippedModels, SayWhereTheyAndTheirScoresAreFrom) {
  std::size_t scores = 0;
  for (const Model& model : shipped()) {
    EXPECT_FALSE(model.source.empty()) << model.id;
    EXPECT_THAT(model.confidence, AnyOf("read", "unrecorded")) << model.id;
    for (const Score& score : model.scores) {
      EXPECT_EQ(score.confidence == "recalled", score.source == "recalled") << model.id;
      ++scores;
    }
  }
  EXPECT_EQ(scores, 96u);
}

TEST(ShippedModels, KeepAllThatTheirFileSays) {
  const Maybe<Model> found = load_model(shipped_folder(), "deepseek-v3");
  ASSERT_TRUE(found) << found.reason();
  const Model& model = *found;
  EXPECT_EQ(model.file, shipped_folder() + "/deepseek-v3.toml");
  EXPECT_EQ(model.layers, 61);
  EXPECT_EQ(model.softmax_layers, 61);
  EXPECT_EQ(model.attention, "mla");
  ASSERT_TRUE(model.mla);
  EXPECT_EQ(model.mla->q_lora_rank, 1536);
  EXPECT_EQ(model.mla->v_head_dim, 128);
  EXPECT_FALSE(model.window);
  EXPECT_FALSE(model.sparse);
  ASSERT_TRUE(model.moe);
  EXPECT_EQ(model.moe->experts, 256);
  EXPECT_EQ(model.moe->shared, 1);
  EXPECT_EQ(model.moe->active, 8);
  EXPECT_EQ(model.moe->groups, 8);
  EXPECT_TRUE(model.ffn_gated);
  EXPECT_FALSE(model.tied_embeddings);
  EXPECT_EQ(model.context, 163840);
  EXPECT_EQ(model.total_params_b, 671);
  EXPECT_EQ(model.weight_dtype, "fp8-e4m3 (128x128 block scales)");
  EXPECT_EQ(model.shape_check.active_with_embeddings_b, 37.44);
  ASSERT_EQ(model.scores.size(), 5u);
  EXPECT_EQ(model.scores[4].benchmark, "GPQA-Diamond");
  EXPECT_EQ(model.scores[4].value, 59.1);
}

TEST(ShippedModels, KeepWhatIsRecalledAndWhatIsDerivedApart) {
  const Maybe<Model> gpt3 = load_model(shipped_folder(), "gpt-3-175b");
  ASSERT_TRUE(gpt3) << gpt3.reason();
  EXPECT_THAT(gpt3->recalled, testing::ElementsAre("vocab", "context", "weight_dtype"));
  EXPECT_THAT(gpt3->derived.at("tied_embeddings"), HasSubstr("one vocabulary matrix"));
}

TEST(ShippedModels, GuessWhichOneAWrongNameMeans) {
  EXPECT_EQ(
      load_model(shipped_folder(), "llama3.1-8b").reason(),
      "there is no model 'llama3.1-8b' in " + shipped_folder() + "; did you mean 'llama-3.1-8b'?");
  EXPECT_FALSE(load_model(shipped_folder(), "../models/qwen3-8b"));
}

/// A folder of its own with one valid model, to be spoilt.
class ModelFolder : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              (std::string("ergon-models-") +
               testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  static constexpr const char* valid =
      "schema = \"ergon-model/1\"\nid = \"a\"\nname = \"A\"\norganisation = \"O\"\n"
      "release = \"2026\"\nsource = \"s\"\nas_of = \"2026\"\nconfidence = \"read\"\n"
      "layers = 2\nhidden_size = 64\nattention = \"gqa\"\nq_heads = 4\nkv_heads = 2\n"
      "head_dim = 16\nffn_intermediate = 96\nffn_gated = true\nvocab = 100\n"
      "total_params_b = 1\nactive_params_b = 1\nweight_dtype = \"bf16\"\n"
      "[shape_check]\ntotal_b = 1\nactive_with_embeddings_b = 1\n"
      "active_without_embeddings_b = 1\n";

  /// What the reader says to the valid file with `old` replaced by `now`.
  std::string refusal(const std::string& old = "", const std::string& now = "") {
    std::string text = valid;
    text.replace(text.find(old), old.size(), now);
    std::ofstream(folder_ / "a.toml") << text;
    try {
      load_models(folder_.string());
    } catch (const UserError& error) {
      return error.what();
    }
    return "accepted";
  }
  std::filesystem::path folder_;
};

TEST_F(ModelFolder, IsReadWhereAllIsWell) { EXPECT_EQ(refusal(), "accepted"); }

TEST_F(ModelFolder, NamesTheNearestKeyForAnUnknownOne) {
  EXPECT_THAT(refusal("vocab = 100\n", "vocab = 100\nlayer = 3\n"),
              HasSubstr("a.toml:18: layer: is not known here; did you mean 'layers'?"));
  EXPECT_THAT(refusal("total_b = 1\n", "total_b = 1\ntotal = 1\n"),
              HasSubstr("a.toml:23: shape_check.total: is not known here"));
}

TEST_F(ModelFolder, RefusesAModelWithoutEvidence) {
  EXPECT_THAT(refusal("source = \"s\"\n"), HasSubstr("a.toml:1: source: is missing"));
  EXPECT_THAT(refusal("\"read\"", "\"sure\""),
              HasSubstr("a.toml:8: confidence: must be read, recalled, derived or unrecorded"));
  EXPECT_THAT(refusal("layers", "recalled = [\"context\"]\nlayers"),
              HasSubstr("a.toml:9: recalled: 'context' is no fact of this file"));
  EXPECT_THAT(refusal("layers", "derived = { context = \"guess\" }\nlayers"),
              HasSubstr("a.toml:9: derived: 'context' is no fact of this file"));
}

TEST_F(ModelFolder, RefusesCountsThatAreNone) {
  EXPECT_THAT(refusal("layers = 2", "layers = 0"),
              HasSubstr("a.toml:9: layers: must be a count from 1"));
  EXPECT_THAT(refusal("vocab = 100", "vocab = 99999999999"),
              HasSubstr("a.toml:17: vocab: must be a count from 1"));
  EXPECT_THAT(refusal("vocab = 100", "vocab = 1.5"),
              HasSubstr("a.toml:17: vocab: must be an integer, not a number"));
}

TEST_F(ModelFolder, RefusesHeadsThatTheAttentionCannotHave) {
  EXPECT_THAT(refusal("\"gqa\"", "\"gka\""),
              HasSubstr("a.toml:11: attention: 'gka' is not known; did you mean 'gqa'?"));
  EXPECT_THAT(refusal("kv_heads = 2", "kv_heads = 3"),
              HasSubstr("a.toml:13: kv_heads: must divide q_heads"));
  EXPECT_THAT(refusal("\"gqa\"", "\"mha\""), HasSubstr("kv_heads: must be q_heads"));
  EXPECT_THAT(refusal("\"gqa\"", "\"mqa\""), HasSubstr("kv_heads: must be 1"));
}

TEST_F(ModelFolder, WantsTheFieldsOfAnAttentionThereAndOnlyThere) {
  EXPECT_THAT(refusal("\"gqa\"", "\"mla\""), HasSubstr("mla: must be given where"));
  EXPECT_THAT(refusal("\"gqa\"", "\"hybrid\""), HasSubstr("softmax_layers: must be given where"));
  EXPECT_THAT(refusal("vocab", "softmax_layers = 1\nvocab"),
              HasSubstr("a.toml:17: softmax_layers: must be given where attention is hybrid"));
  EXPECT_THAT(refusal("\"gqa\"", "\"hybrid\"\nsoftmax_layers = 3"),
              HasSubstr("a.toml:12: softmax_layers: is more than layers"));
  EXPECT_THAT(refusal("\"gqa\"",
                      "\"mla\"\nmla = { q_lora_rank = 8, kv_lora_rank = 8, qk_nope_head_dim = 8,"
                      " qk_rope_head_dim = 4, v_head_dim = 8 }"),
              HasSubstr("head_dim: must be qk_nope_head_dim + qk_rope_head_dim"));
}

TEST_F(ModelFolder, RefusesWindowsAndSelectionsThatTheLayersCannotHave) {
  const auto with = [&](const std::string& more) {
    return refusal("[shape_check]", more + "[shape_check]");
  };
  EXPECT_EQ(with("[window]\nkeys = 4\nlayers = 2\n"), "accepted");
  EXPECT_THAT(with("[window]\nkeys = 4\nlayers = 3\n"),
              HasSubstr("a.toml:23: window.layers: is more than there are layers of softmax"));
  EXPECT_THAT(with("[window]\nkeys = 0\nlayers = 1\n"), HasSubstr("window.keys: must be a count"));
  EXPECT_THAT(with("[sparse]\nindex_heads = 1\nindex_head_dim = 1\ntop_k = 1\n"),
              HasSubstr("sparse: is of attention that is mla"));
  EXPECT_THAT(refusal("vocab", "attention_soft_cap = 0\nvocab"),
              HasSubstr("a.toml:17: attention_soft_cap: must be"));
  const std::string mla =
      "\"mla\"\nmla = { q_lora_rank = 8, kv_lora_rank = 8, qk_nope_head_dim = 12,"
      " qk_rope_head_dim = 4, v_head_dim = 8 }\n";
  EXPECT_EQ(refusal("\"gqa\"", mla), "accepted");
  EXPECT_THAT(refusal("\"gqa\"", mla + "attention_sinks = true"),
              HasSubstr("attention_sinks: is of an attention that is not mla"));
}

TEST_F(ModelFolder, RefusesExpertsThatCannotBe) {
  const std::string moe = "[moe]\nexperts = 4\nshared = 0\nactive = 2\nexpert_intermediate = 8\n";
  const auto with = [&](const std::string& more) { return more + "[shape_check]"; };
  EXPECT_EQ(refusal("[shape_check]", with(moe + "first_dense_layers = 1\n")), "accepted");
  EXPECT_THAT(refusal("[shape_check]", with(moe + "first_dense_layers = 2\n")),
              HasSubstr("a.toml:26: moe.first_dense_layers: leaves no layer with experts"));
  EXPECT_THAT(refusal("[shape_check]", with("[moe]\nexperts = 4\nshared = -1\nactive = 2\n"
                                            "expert_intermediate = 8\nfirst_dense_layers = 0\n")),
              HasSubstr("a.toml:23: moe.shared: must be a count from 0"));
  EXPECT_THAT(refusal("[shape_check]", with("[moe]\nexperts = 4\nshared = 0\nactive = 5\n"
                                            "expert_intermediate = 8\nfirst_dense_layers = 0\n")),
              HasSubstr("a.toml:24: moe.active: is more than there are experts"));
}

TEST_F(ModelFolder, RefusesAScoreThatIsNoPercentage) {
  const std::string last = "active_without_embeddings_b = 1\n";
  EXPECT_THAT(
      refusal(last, last + "[[score]]\nbenchmark = \"MMLU\"\nvalue = 101\n"
                           "model_kind = \"base\"\nsource = \"s\"\nconfidence = \"read\"\n"),
      HasSubstr("a.toml:27: score[1].value: must be at most 100"));
}

TEST_F(ModelFolder, RefusesAnotherNameOrSchemaAndAMissingFolder) {
  EXPECT_THAT(refusal("id = \"a\"", "id = \"b\""),
              HasSubstr("a.toml:2: id: must be the file's name without .toml"));
  EXPECT_THAT(refusal("ergon-model/1", "other"),
              HasSubstr("a.toml:1: schema: must be ergon-model/1"));
  EXPECT_THROW(load_models("/does/not/exist"), UserError);
  EXPECT_THROW(load_model("/does/not/exist", "a"), UserError);
}

}  // namespace
}  // namespace ergon::config
