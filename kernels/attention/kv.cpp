#include "kernels/attention/kv.h"

namespace ergon {

KvRows::KvRows(const Attention& workload, const Inputs& inputs, std::size_t slot, bool values)
    : KvRows(workload, inputs, slot, values ? "v" : "k", workload.kv_heads,
             values ? workload.v_head_dim : workload.head_dim) {}

KvRows::KvRows(const Attention& workload, const Inputs& inputs, std::size_t slot,
               const std::string& operand, std::int64_t heads, std::int64_t width)
    : dtype_(workload.kv_dtype),
      heads_(heads),
      width_(width),
      kv_len_(workload.kv_len),
      page_(workload.page),
      pages_(pages_of_a_sequence(workload)),
      element_(static_cast<std::int64_t>(size_of(workload.kv_dtype))),
      data_(inputs.data(operand, slot)) {
  if (dtype_ == DType::s8) scales_ = inputs.as<float>(operand + "_scale", slot);
  if (workload.paged()) table_ = inputs.as<std::int32_t>("block_table", slot);
}

void KvRows::widened(std::int64_t sequence, std::int64_t token, std::int64_t head,
                     double* to) const {
  widen(dtype_, row(sequence, token, head), 0, 1, width_, to);
  if (scales_ == nullptr) return;
  const double factor = scale(sequence, token, head);
  for (std::int64_t i = 0; i < width_; ++i) to[i] *= factor;
}

void add_rows(std::vector<NamedDesc>& operands, const Attention& workload, const std::string& name,
              std::int64_t width) {
  std::vector<std::int64_t> place = {workload.batch, workload.kv_len};
  if (workload.paged()) place = {pages_of_all(workload), workload.page};
  std::vector<std::int64_t> sizes = place;
  sizes.push_back(width);
  operands.push_back({name, dense(workload.kv_dtype, sizes)});
  if (workload.kv_dtype == DType::s8)
    operands.push_back({name + "_scale", dense(DType::f32, place)});
}

double bytes_of_a_row(const Attention& workload, std::int64_t width) noexcept {
  const double scale = workload.kv_dtype == DType::s8 ? sizeof(float) : 0;
  return static_cast<double>(width) * static_cast<double>(size_of(workload.kv_dtype)) + scale;
}

double seen_keys(const Attention& workload) noexcept {
  double sum = 0;
  for (std::int64_t b = 0; b < workload.batch; ++b)
    sum += static_cast<double>(workload.keys(b).size());
  return sum;
}

double all_keys(const Attention& workload) noexcept {
  double sum = 0;
  for (std::int64_t b = 0; b < workload.batch; ++b) sum += static_cast<double>(workload.length(b));
  return sum;
}

std::int64_t most_keys_of_a_query(const Attention& workload) noexcept {
  return workload.keys(0, workload.q_len - 1).size();  // the last one of the longest sequence
}

std::int64_t pages_of_a_sequence(const Attention& workload) noexcept {
  return workload.paged() ? (workload.kv_len + workload.page - 1) / workload.page : 0;
}

std::int64_t pages_of_all(const Attention& workload) noexcept {
  if (!workload.paged()) return 0;
  std::int64_t pages = 2;  // one in no table, one that unused entries of the table name
  for (std::int64_t b = 0; b < workload.batch; ++b)
    pages += (workload.length(b) + workload.page - 1) / workload.page;
  return pages;
}

}  // namespace ergon
