// Which attention the shipped models' layers compute.
#include "bench/config/layers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

namespace ergon::config {
namespace {

using testing::ElementsAre;

std::string shipped_folder() { return std::string(ERGON_SOURCE_DIR) + "/configs/models"; }

std::string text_of(bool value) { return value ? "true" : "false"; }
std::string text_of(const std::string& value) { return value; }
template <class Number>
std::string text_of(Number value) {
  return std::to_string(value);
}

/// "window x12: q_heads=64 ...".
std::vector<std::string> layers_of(const std::string& id) {
  std::vector<std::string> texts;
  for (const LayerKind& kind : attention_layers_of(*load_model(shipped_folder(), id))) {
    std::string text = kind.name + " x" + std::to_string(kind.layers) + ":";
    for (const auto& [field, value] : kind.fields)
      text +=
          " " + field + "=" + std::visit([](const auto& plain) { return text_of(plain); }, value);
    texts.push_back(text);
  }
  return texts;
}

TEST(AttentionLayers, OfAPlainModelAreAlike) {
  EXPECT_THAT(layers_of("llama-3.1-8b"),
              ElementsAre("full x32: q_heads=32 kv_heads=8 head_dim=128"));
  EXPECT_THAT(layers_of("llama-2-7b"),
              ElementsAre("full x32: q_heads=32 kv_heads=32 head_dim=128"));
}

TEST(AttentionLayers, WithWindowsAndWithoutAreTwoKinds) {
  EXPECT_THAT(layers_of("gpt-oss-20b"),
              ElementsAre("full x12: q_heads=64 kv_heads=8 head_dim=64 sinks=true",
                          "window x12: q_heads=64 kv_heads=8 head_dim=64 sinks=true window=128"));
  EXPECT_THAT(layers_of("gemma-2-27b"),
              ElementsAre("full x23: q_heads=32 kv_heads=16 head_dim=128 soft_cap=50.000000 "
                          "scale=0.083333",
                          "window x23: q_heads=32 kv_heads=16 head_dim=128 soft_cap=50.000000 "
                          "scale=0.083333 window=4096"));
  EXPECT_THAT(
      layers_of("gemma-3-27b"),
      ElementsAre("full x10: q_heads=32 kv_heads=16 head_dim=128 scale=0.077152",
                  "window x52: q_heads=32 kv_heads=16 head_dim=128 scale=0.077152 window=1024"));
}

TEST(AttentionLayers, WithWindowsOnlyAreOneKind) {
  EXPECT_THAT(layers_of("mistral-7b"),
              ElementsAre("window x32: q_heads=32 kv_heads=8 head_dim=128 window=4096"));
}

TEST(AttentionLayers, OfLatentAttentionTellTheLatent) {
  EXPECT_THAT(layers_of("deepseek-v3"),
              ElementsAre("mla x61: structure=mla q_heads=128 head_dim=192 v_head_dim=128 "
                          "kv_lora_rank=512 rope_head_dim=64"));
  EXPECT_THAT(layers_of("deepseek-v3.2"),
              ElementsAre("sparse x61: structure=sparse q_heads=128 scale=0.072169 "
                          "kv_lora_rank=512 rope_head_dim=64 index_heads=64 index_head_dim=128 "
                          "top_k=2048"));
}

TEST(AttentionLayers, OfAHybridModelAreSoftmaxAndLinear) {
  EXPECT_THAT(layers_of("minimax-text-01"),
              ElementsAre("full x10: q_heads=64 kv_heads=8 head_dim=128",
                          "linear x70: structure=linear q_heads=64 head_dim=128"));
}

TEST(AttentionLayers, OfAllModelsAreCountedOnceAndGiveKnownFieldsOnly) {
  const auto known = attention_fields_of_models();
  const std::set<std::string_view> fields(known.begin(), known.end());
  for (const Model& model : load_models(shipped_folder())) {
    int layers = 0;
    for (const LayerKind& kind : attention_layers_of(model)) {
      layers += kind.layers;
      for (const auto& [field, value] : kind.fields)
        EXPECT_TRUE(fields.count(field)) << model.id << " " << field;
    }
    EXPECT_EQ(layers, model.layers) << model.id;
  }
}

}  // namespace
}  // namespace ergon::config
