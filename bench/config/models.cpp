#include "bench/config/models.h"

#include <algorithm>
#include <filesystem>

#include "bench/base/error.h"
#include "bench/config/nearest.h"
#include "bench/config/table_reader.h"
#include "bench/config/toml_tree.h"

namespace ergon::config {
namespace {

std::optional<int> count_if(TableReader& table, std::string_view key) {
  if (!table.has(key)) return std::nullopt;
  return table.count(key);
}

LatentAttention read_latent_attention(TableReader table) {
  LatentAttention mla;
  mla.q_lora_rank = table.count("q_lora_rank");
  mla.kv_lora_rank = table.count("kv_lora_rank");
  mla.qk_nope_head_dim = table.count("qk_nope_head_dim");
  mla.qk_rope_head_dim = table.count("qk_rope_head_dim");
  mla.v_head_dim = table.count("v_head_dim");
  table.refuse_others();
  return mla;
}

MixtureOfExperts read_experts(TableReader table, int layers) {
  MixtureOfExperts moe;
  moe.experts = table.count("experts");
  moe.shared = table.count("shared", 0);
  moe.active = table.count("active");
  moe.expert_intermediate = table.count("expert_intermediate");
  moe.first_dense_layers = table.count("first_dense_layers", 0);
  moe.groups = count_if(table, "groups");
  moe.groups_used = count_if(table, "groups_used");
  table.refuse_others();
  if (moe.active > moe.experts) table.fail("active", "is more than there are experts");
  if (moe.first_dense_layers >= layers)
    table.fail("first_dense_layers", "leaves no layer with experts");
  return moe;
}

SlidingWindow read_window(TableReader table, int softmax_layers) {
  SlidingWindow window;
  window.keys = table.count("keys");
  window.layers = table.count("layers");
  table.refuse_others();
  if (window.layers > softmax_layers)
    table.fail("layers", "is more than there are layers of softmax attention");
  return window;
}

KeySelection read_selection(TableReader table) {
  KeySelection sparse;
  sparse.index_heads = table.count("index_heads");
  sparse.index_head_dim = table.count("index_head_dim");
  sparse.top_k = table.count("top_k");
  table.refuse_others();
  return sparse;
}

/// What softmax layers add to softmax(Q K^T) V.
void read_softmax(TableReader& root, Model& model) {
  if (const std::optional<TableReader> table = root.table_if("window"))
    model.window = read_window(*table, model.softmax_layers);
  model.attention_sinks = root.flag("attention_sinks");
  if (root.has("attention_soft_cap"))
    model.attention_soft_cap = root.positive("attention_soft_cap");
  if (root.has("query_pre_attn_scalar"))
    model.query_pre_attn_scalar = root.positive("query_pre_attn_scalar");
  for (const std::string_view key :
       {"window", "attention_sinks", "attention_soft_cap", "query_pre_attn_scalar"})
    if (model.mla && root.has(key)) root.fail(key, "is of an attention that is not mla");
}

void read_attention(TableReader& root, Model& model) {
  static const std::vector<std::string> known = {"mha", "gqa", "mqa", "mla", "hybrid"};
  model.attention = root.text("attention");
  model.attention_note = root.text_if("attention_note").value_or("");
  if (std::find(known.begin(), known.end(), model.attention) == known.end())
    root.fail("attention",
              "'" + model.attention + "' is not known" + did_you_mean(model.attention, known));
  model.q_heads = root.count("q_heads");
  model.kv_heads = root.count("kv_heads");
  model.head_dim = root.count("head_dim");
  if (model.q_heads % model.kv_heads != 0) root.fail("kv_heads", "must divide q_heads");
  if (model.attention == "mha" && model.kv_heads != model.q_heads)
    root.fail("kv_heads", "must be q_heads where attention is mha");
  if (model.attention == "mqa" && model.kv_heads != 1)
    root.fail("kv_heads", "must be 1 where attention is mqa");

  const bool hybrid = model.attention == "hybrid";
  if (hybrid != root.has("softmax_layers"))
    root.fail("softmax_layers", "must be given where attention is hybrid, and only there");
  model.softmax_layers = hybrid ? root.count("softmax_layers") : model.layers;
  if (model.softmax_layers > model.layers) root.fail("softmax_layers", "is more than layers");

  if ((model.attention == "mla") != root.has("mla"))
    root.fail("mla", "must be given where attention is mla, and only there");
  if (const std::optional<TableReader> table = root.table_if("mla")) {
    model.mla = read_latent_attention(*table);
    if (model.head_dim != model.mla->qk_nope_head_dim + model.mla->qk_rope_head_dim)
      root.fail("head_dim", "must be qk_nope_head_dim + qk_rope_head_dim");
  }
  if (const std::optional<TableReader> table = root.table_if("sparse")) {
    if (!model.mla) root.fail("sparse", "is of attention that is mla");
    model.sparse = read_selection(*table);
  }
  read_softmax(root, model);
}

void read_shape(TableReader& root, Model& model) {
  model.layers = root.count("layers");
  model.hidden_size = root.count("hidden_size");
  read_attention(root, model);
  model.ffn_intermediate = root.count("ffn_intermediate");
  model.ffn_gated = root.flag("ffn_gated");
  if (const std::optional<TableReader> table = root.table_if("moe"))
    model.moe = read_experts(*table, model.layers);
  model.vocab = root.count("vocab");
  model.tied_embeddings = root.flag("tied_embeddings");
  model.context = count_if(root, "context");
  model.incomplete = root.text_if("incomplete").value_or("");
}

void read_parameters(TableReader& root, Model& model) {
  model.total_params_b = root.positive("total_params_b");
  model.active_params_b = root.positive("active_params_b");
  model.weight_dtype = root.text("weight_dtype");
  std::optional<TableReader> check = root.table_if("shape_check");
  if (!check) root.fail("shape_check", "is missing");
  model.shape_check.total_b = check->positive("total_b");
  model.shape_check.active_with_embeddings_b = check->positive("active_with_embeddings_b");
  model.shape_check.active_without_embeddings_b = check->positive("active_without_embeddings_b");
  check->refuse_others();
}

void read_evidence(TableReader& root, Model& model) {
  model.source = root.text("source");
  model.more_sources = root.texts("more_sources");
  model.as_of = root.text("as_of");
  model.confidence = root.confidence();
  model.note = root.text_if("note").value_or("");
  const auto require_field = [&root](std::string_view list, const std::string& field) {
    if (!root.has(field)) root.fail(list, "'" + field + "' is no fact of this file");
  };
  model.recalled = root.texts("recalled");
  for (const std::string& field : model.recalled) require_field("recalled", field);
  if (std::optional<TableReader> rules = root.table_if("derived"))
    for (const auto& [field, rule] : rules->entries()) {
      require_field("derived", field);
      model.derived[field] = rules->text(field);
    }
}

Score read_score(TableReader& table) {
  Score score;
  score.benchmark = table.text("benchmark");
  score.value = table.positive("value");
  if (score.value > 100) table.fail("value", "must be at most 100, in percent");
  score.model_kind = table.text("model_kind");
  score.setting = table.text_if("setting").value_or("");
  score.source = table.text("source");
  score.confidence = table.confidence();
  table.refuse_others();
  return score;
}

Model read_model(const std::string& path) {
  const TomlNode tree = parse_toml(read_text(path), path);
  TableReader root(tree, path, "");
  if (root.text("schema") != "ergon-model/1") root.fail("schema", "must be ergon-model/1");
  Model model;
  model.file = path;
  model.id = root.text("id");
  if (std::filesystem::path(path).stem() != model.id)
    root.fail("id", "must be the file's name without .toml");
  model.name = root.text("name");
  model.organisation = root.text("organisation");
  model.release = root.text("release");
  read_evidence(root, model);
  read_shape(root, model);
  read_parameters(root, model);
  for (TableReader& table : root.tables("score")) model.scores.push_back(read_score(table));
  root.refuse_others();
  return model;
}

/// Sorted.
std::vector<std::string> ids_in(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> ids;
  for (const auto& item : std::filesystem::directory_iterator(folder, error))
    if (item.path().extension() == ".toml") ids.push_back(item.path().stem().string());
  if (error) throw UserError({folder, 0, ""}, "cannot be read: " + error.message());
  std::sort(ids.begin(), ids.end());
  return ids;
}

std::string path_of(const std::string& folder, const std::string& id) {
  return folder + "/" + id + ".toml";
}

}  // namespace

Maybe<Model> load_model(const std::string& folder, std::string_view id) {
  const std::vector<std::string> ids = ids_in(folder);
  const auto found = std::find(ids.begin(), ids.end(), id);
  if (found == ids.end())
    return Absent{"there is no model '" + std::string(id) + "' in " + folder +
                  did_you_mean(id, ids)};
  return read_model(path_of(folder, *found));
}

std::vector<Model> load_models(const std::string& folder) {
  std::vector<Model> models;
  for (const std::string& id : ids_in(folder)) models.push_back(read_model(path_of(folder, id)));
  return models;
}

}  // namespace ergon::config
