// Which matrix multiplications the shipped models consist of, checked against what was counted of
// them.
#include "bench/config/parts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

namespace ergon::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::string shipped_folder() { return std::string(ERGON_SOURCE_DIR) + "/configs/models"; }

Model shipped(const std::string& id) { return *load_model(shipped_folder(), id); }

/// "qkv 6144x4096, 32 layers": n x k, and how many of how many in a layer where that is not one.
std::string text_of(const Part& part) {
  std::string text = part.name + " " + std::to_string(part.n) + "x" + std::to_string(part.k) +
                     ", " + std::to_string(part.layers) + " layers";
  if (part.per_layer != 1)
    text += ", " + std::to_string(part.active) + " of " + std::to_string(part.per_layer);
  return text;
}

std::vector<std::string> texts_of(const std::vector<Part>& parts) {
  std::vector<std::string> texts;
  for (const Part& part : parts) texts.push_back(text_of(part));
  return texts;
}

std::vector<std::string> parts_named(const std::string& id, const std::string& name) {
  return texts_of(find_parts(parts_of(shipped(id)), name));
}

TEST(Parts, OfADenseModel) {
  EXPECT_THAT(parts_named("llama-3.1-8b", "all"),
              ElementsAre("qkv 6144x4096, 32 layers", "attention_out 4096x4096, 32 layers",
                          "ffn_gate_up 28672x4096, 32 layers", "ffn_down 4096x14336, 32 layers",
                          "lm_head 128256x4096, 1 layers"));
}

TEST(Parts, OfAModelWhoseFfnIsNotGated) {
  EXPECT_THAT(parts_named("gpt-3-175b", "ffn"),
              ElementsAre("ffn_up 49152x12288, 96 layers", "ffn_down 12288x49152, 96 layers"));
}

TEST(Parts, OfLatentAttentionAndSharedExperts) {
  EXPECT_THAT(
      parts_named("deepseek-v3", "all"),
      ElementsAre("q_down 1536x7168, 61 layers", "q_up 24576x1536, 61 layers",
                  "kv_down 576x7168, 61 layers", "kv_up 32768x512, 61 layers",
                  "attention_out 7168x16384, 61 layers", "ffn_gate_up 36864x7168, 3 layers",
                  "ffn_down 7168x18432, 3 layers", "expert_gate_up 4096x7168, 58 layers, 8 of 256",
                  "expert_down 7168x2048, 58 layers, 8 of 256",
                  "shared_expert_gate_up 4096x7168, 58 layers",
                  "shared_expert_down 7168x2048, 58 layers", "router 256x7168, 58 layers",
                  "lm_head 129280x7168, 1 layers"));
}

TEST(Parts, OfSeveralSharedExpertsAreOneFeedForward) {
  const std::vector<Part> parts = parts_of(shipped("deepseek-v2"));
  EXPECT_THAT(texts_of(find_parts(parts, "shared_expert_gate_up")),
              ElementsAre("shared_expert_gate_up 6144x5120, 59 layers"));
  EXPECT_THAT(texts_of(find_parts(parts, "shared_expert_down")),
              ElementsAre("shared_expert_down 5120x3072, 59 layers"));
}

TEST(Parts, OfAModelWithExpertsInEveryLayer) {
  EXPECT_THAT(parts_named("gpt-oss-120b", "experts"),
              ElementsAre("expert_gate_up 5760x2880, 36 layers, 4 of 128",
                          "expert_down 2880x2880, 36 layers, 4 of 128"));
  EXPECT_THAT(parts_named("gpt-oss-120b", "qkv"), ElementsAre("qkv 5120x2880, 36 layers"));
  EXPECT_THAT(parts_named("gpt-oss-120b", "ffn"), IsEmpty());
}

TEST(Parts, OfAHybridModelStandInItsSoftmaxLayers) {
  EXPECT_THAT(parts_named("minimax-m1", "attention"),
              ElementsAre("qkv 10240x6144, 10 layers", "attention_out 6144x8192, 10 layers"));
  EXPECT_THAT(parts_named("minimax-m1", "router"), ElementsAre("router 32x6144, 80 layers"));
}

TEST(Parts, OfQueriesKeysAndValuesAloneAreInNoGroup) {
  EXPECT_THAT(parts_named("llama-3.1-8b", "q"), ElementsAre("q 4096x4096, 32 layers"));
  EXPECT_THAT(parts_named("llama-3.1-8b", "k"), ElementsAre("k 1024x4096, 32 layers"));
  EXPECT_THAT(parts_named("llama-3.1-8b", "v"), ElementsAre("v 1024x4096, 32 layers"));
  EXPECT_THAT(parts_named("llama-3.1-8b", "attention"),
              ElementsAre("qkv 6144x4096, 32 layers", "attention_out 4096x4096, 32 layers"));
}

TEST(Parts, AreNamedByGroupsFirst) {
  EXPECT_THAT(part_names(parts_of(shipped("mixtral-8x7b"))),
              ElementsAre("all", "attention", "experts", "qkv", "q", "k", "v", "attention_out",
                          "expert_gate_up", "expert_down", "router", "lm_head"));
}

TEST(Parts, EveryNameFindsSomething) {
  for (const Model& model : load_models(shipped_folder())) {
    const std::vector<Part> parts = parts_of(model);
    for (const std::string& name : part_names(parts))
      EXPECT_FALSE(find_parts(parts, name).empty()) << model.id << " " << name;
  }
}

struct Billions {
  double total = 0;  // of all parts and the embedding
  double active_without_embeddings = 0;
};

/// As ShapeCheck counts: without routers.
Billions counted(const Model& model) {
  Billions sum;
  if (!model.tied_embeddings) sum.total = 1e-9 * model.vocab * model.hidden_size;
  for (const Part& part : find_parts(parts_of(model), "all")) {
    if (part.name == "router") continue;
    const double each_layer_has_one = 1e-9 * static_cast<double>(part.weights()) * part.layers;
    sum.total += each_layer_has_one * part.per_layer;
    if (part.name != "lm_head") sum.active_without_embeddings += each_layer_has_one * part.active;
  }
  return sum;
}

TEST(Parameters, OfEveryCompleteModelAreThoseThatItsFileCounts) {
  constexpr double half_a_last_digit = 0.005 + 1e-9;
  int complete = 0;
  for (const Model& model : load_models(shipped_folder())) {
    if (!model.incomplete.empty()) continue;
    ++complete;
    const Billions sum = counted(model);
    EXPECT_NEAR(sum.total, model.shape_check.total_b, half_a_last_digit) << model.id;
    EXPECT_NEAR(sum.active_without_embeddings, model.shape_check.active_without_embeddings_b,
                half_a_last_digit)
        << model.id;
  }
  EXPECT_EQ(complete, 32);
}

// Those that are not say why, and lack what the others have.
TEST(Parameters, OfAnIncompleteModelAreFewer) {
  std::map<std::string, std::string> incomplete;
  for (const Model& model : load_models(shipped_folder())) {
    if (model.incomplete.empty()) continue;
    incomplete[model.id] = model.incomplete;
    EXPECT_LT(counted(model).total, 0.99 * model.shape_check.total_b) << model.id;
  }
  const std::string why =
      "the projections of the 70 linear attention layers are in none of the sources";
  EXPECT_THAT(incomplete,
              ElementsAre(testing::Pair("minimax-m1", why), testing::Pair("minimax-text-01", why)));
}

}  // namespace
}  // namespace ergon::config
