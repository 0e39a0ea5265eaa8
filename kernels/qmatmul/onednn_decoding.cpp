#include "kernels/qmatmul/onednn_decoding.h"

#include <oneapi/dnnl/dnnl_version.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include "kernels/devices/memory.h"
#include "kernels/gemm/onednn_call.h"

namespace ergon::onednn {

#if DNNL_VERSION_MAJOR > 3 || (DNNL_VERSION_MAJOR == 3 && DNNL_VERSION_MINOR >= 5)

namespace {

using dnnl::memory;
using Type = memory::data_type;

constexpr int of_outputs = 1 << 1, of_groups = (1 << 0) | of_outputs;  // masks over [k, n]

std::size_t page_rounded(std::size_t bytes) { return (bytes + 4095) / 4096 * 4096; }

/// Whether a byte holds two codes that lack the 8 that is taken from them.
bool becomes_signed(const QMatmul& q) {
  return q.format->code == Code::u4 && !q.layout.zero_points;
}

Type type_of_codes(const QMatmul& q) {
  if (q.format->code == Code::s8) return Type::s8;
  return becomes_signed(q) ? Type::s4 : Type::u4;
}

bool grouped(const QMatmul& q) { return q.format->group != whole_row; }

dnnl::primitive_attr user_scratchpad() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

dnnl::primitive_attr attributes_of(const QMatmul& q) {
  dnnl::primitive_attr attributes = user_scratchpad();
  // The weights are integers, and may be made bf16 to be multiplied.
  attributes.set_fpmath_mode(dnnl::fpmath_mode::bf16, true);
  const memory::dims group = {q.layout.group, 1};
  if (grouped(q))
    attributes.set_scales(DNNL_ARG_WEIGHTS, of_groups, group, Type::bf16);
  else
    attributes.set_scales(DNNL_ARG_WEIGHTS, of_outputs, {}, Type::bf16);
  if (q.layout.zero_points)
    attributes.set_zero_points(DNNL_ARG_WEIGHTS, of_groups, group, Type::u8);
  return attributes;
}

/// What oneDNN makes of a problem under the number of threads that is set.
struct Prepared {
  explicit Prepared(const QMatmul& q)
      : plain({q.k, q.n}, type_of_codes(q), memory::dims{1, q.k}),
        x({q.m, q.k}, Type::bf16, memory::dims{q.k, 1}),
        y({q.m, q.n}, *data_type(q.output), memory::dims{q.n, 1}) {
    const dnnl::primitive_attr attributes = attributes_of(q);
    const memory::desc any({q.k, q.n}, type_of_codes(q), memory::format_tag::any);
    matmul = {cpu(), x, any, y, attributes};
    if (matmul.weights_desc() == plain) return;
    reorder = {cpu(), plain, cpu(), matmul.weights_desc(), user_scratchpad(), true};
    // Not every layout of 4 bits can be made.
    if (!reorder) matmul = {cpu(), x, plain, y, attributes};
  }

  std::size_t scratchpad_bytes() const {
    return std::max(matmul.scratchpad_desc().get_size(),
                    reorder ? reorder.scratchpad_desc().get_size() : 0);
  }

  memory::desc plain, x, y;
  dnnl::matmul::primitive_desc matmul;
  dnnl::reorder::primitive_desc reorder;  // empty where codes stay as they lie
};

/// Bytes of what a plan allocates.
struct Sizes {
  Sizes(const QMatmul& q, const Prepared& prepared)
      : codes(page_rounded(prepared.matmul.weights_desc().get_size())),
        scales(page_rounded(2 * static_cast<std::size_t>(q.n * q.layout.groups()))),
        zeros(q.layout.zero_points ? page_rounded(static_cast<std::size_t>(q.n * q.layout.groups()))
                                   : 0),
        signed_codes(prepared.reorder && becomes_signed(q) ? prepared.plain.get_size() : 0),
        scratchpad(prepared.scratchpad_bytes()) {}

  std::size_t slot() const { return codes + scales + zeros; }

  std::size_t codes, scales, zeros;  // of a slot
  std::size_t signed_codes, scratchpad;
};

/// [rows, columns] as [columns, rows].
template <class T>
void transpose(const T* from, std::int64_t rows, std::int64_t columns, T* to) {
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < columns; ++j) to[j * rows + i] = from[i * columns + j];
}

class DecodingPlan final : public Plan {
 public:
  DecodingPlan(const QMatmul& q, const Inputs& inputs, const Placement& placement)
      : workload_(q),
        inputs_(inputs),
        threads_(placement.threads),
        prepared_(q),
        sizes_(q, prepared_),
        stream_(cpu()),
        output_(q, *placement.device, placement.slots,
                grouped(q) ? plain_arithmetic : own_arithmetic),
        detail_(prepared_.matmul.impl_info_str()) {
    const auto packed = static_cast<double>(sizes_.slot());
    stages_ = {{"pack", false, {0, q.layout.bytes() + packed}}, {"matmul", true, q.work()}};
    {
      const PagePolicyScope pages(policy_for_packed_weights());
      weights_ = placement.device->allocate(sizes_.slot() * placement.slots);
    }
    if (sizes_.signed_codes > 0) signed_codes_ = placement.device->allocate(sizes_.signed_codes);
    if (sizes_.scratchpad > 0) scratchpad_ = placement.device->allocate(sizes_.scratchpad);
    for (std::size_t slot = 0; slot < placement.slots; ++slot) {
      if (prepared_.reorder) reorders_.push_back(bound_reorder(slot));
      products_.push_back(bound_product(slot));
    }
    if (detail_.starts_with("ref")) detail_ += ": its reference loops, no fast kernel";
  }

  std::span<const Stage> stages() const noexcept override { return stages_; }
  void activate() override { omp_set_num_threads(threads_); }
  void enqueue(std::size_t stage, Stream& /*runs_at_once*/, std::size_t slot) override {
    if (stage == 0)
      pack(slot);
    else
      products_[slot].run(stream_);
  }
  void reset(std::size_t /*slot*/) override {}
  std::vector<DeviceTensor> outputs(std::size_t slot) override { return output_.tensors(slot); }
  std::string detail() const override { return detail_; }

 private:
  std::byte* codes(std::size_t slot) const { return weights_->host() + slot * sizes_.slot(); }
  std::byte* scales(std::size_t slot) const { return codes(slot) + sizes_.codes; }
  std::byte* zeros(std::size_t slot) const { return scales(slot) + sizes_.scales; }

  /// oneDNN takes inputs as void* and does not write them.
  std::byte* given(const char* operand, std::size_t slot) const {
    return const_cast<std::byte*>(inputs_.data(operand, slot));
  }

  void pack(std::size_t slot) {
    const auto bytes = static_cast<std::int64_t>(prepared_.plain.get_size());
    if (becomes_signed(workload_)) {
      const std::byte* from = inputs_.data("w", slot);
      std::byte* to = signed_codes_ ? signed_codes_->host() : codes(slot);
      for (std::int64_t i = 0; i < bytes; ++i) to[i] = from[i] ^ std::byte{0x88};
    } else if (!prepared_.reorder) {
      std::memcpy(codes(slot), inputs_.data("w", slot), static_cast<std::size_t>(bytes));
    }
    if (prepared_.reorder) reorders_[slot].run(stream_);
    const std::int64_t n = workload_.n, groups = workload_.layout.groups();
    transpose(inputs_.as<std::uint16_t>("w_scale", slot), n, groups,
              reinterpret_cast<std::uint16_t*>(scales(slot)));
    if (sizes_.zeros > 0) transpose(inputs_.data("w_zero", slot), n, groups, zeros(slot));
  }

  Call bound_reorder(std::size_t slot) const {
    Call call{dnnl::reorder(prepared_.reorder)};
    call.bind(DNNL_ARG_FROM,
              {prepared_.plain, cpu(), signed_codes_ ? signed_codes_->host() : given("w", slot)});
    call.bind(DNNL_ARG_TO, {prepared_.matmul.weights_desc(), cpu(), codes(slot)});
    bind_scratchpad(call, prepared_.reorder.scratchpad_desc());
    return call;
  }

  Call bound_product(std::size_t slot) {
    Call call{dnnl::matmul(prepared_.matmul)};
    call.bind(DNNL_ARG_SRC, {prepared_.x, cpu(), given("x", slot)});
    call.bind(DNNL_ARG_WEIGHTS, {prepared_.matmul.weights_desc(), cpu(), codes(slot)});
    call.bind(DNNL_ARG_DST, {prepared_.y, cpu(), output_.data(slot)});
    const memory::dims grouped_dims = {workload_.layout.groups(), workload_.n};
    const memory::desc of_scales =
        grouped(workload_) ? memory::desc(grouped_dims, Type::bf16, memory::format_tag::ab)
                           : memory::desc({workload_.n}, Type::bf16, memory::format_tag::a);
    call.bind(DNNL_ARG_ATTR_SCALES | DNNL_ARG_WEIGHTS, {of_scales, cpu(), scales(slot)});
    if (sizes_.zeros > 0)
      call.bind(DNNL_ARG_ATTR_ZERO_POINTS | DNNL_ARG_WEIGHTS,
                {{grouped_dims, Type::u8, memory::format_tag::ab}, cpu(), zeros(slot)});
    bind_scratchpad(call, prepared_.matmul.scratchpad_desc());
    return call;
  }

  void bind_scratchpad(Call& call, const memory::desc& desc) const {
    if (desc.get_size() > 0) call.bind(DNNL_ARG_SCRATCHPAD, {desc, cpu(), scratchpad_->host()});
  }

  const QMatmul workload_;
  const Inputs& inputs_;
  const int threads_;
  const Prepared prepared_;
  const Sizes sizes_;
  dnnl::stream stream_;
  QMatmulOutput output_;
  std::string detail_;
  std::unique_ptr<Buffer> weights_, signed_codes_, scratchpad_;
  std::vector<Call> reorders_, products_;  // of each slot
  std::vector<Stage> stages_;
};

}  // namespace

std::optional<std::string> refuse_decoding(const QMatmul& workload) {
  const Code code = workload.format->code;
  if (code != Code::s8 && code != Code::u4)
    return library().name + " " + library().version + "'s products of bf16 with " +
           std::string(workload.format->weights) + " weights are not used here";
  try {
    const Prepared prepared(workload);
    return std::nullopt;
  } catch (const dnnl::error& error) {
    return describe(error);
  }
}

Footprint decoding_footprint(const QMatmul& workload, const Placement& placement) {
  const ThreadCount threads(placement.threads);
  const Sizes sizes(workload, Prepared(workload));
  return {sizes.signed_codes + sizes.scratchpad,
          sizes.slot() + QMatmulOutput::bytes_per_slot(workload)};
}

std::unique_ptr<Plan> make_decoding_plan(const QMatmul& workload, const Inputs& inputs,
                                         const Placement& placement) {
  const ThreadCount threads(placement.threads);
  return std::make_unique<DecodingPlan>(workload, inputs, placement);
}

#else

std::optional<std::string> refuse_decoding(const QMatmul& workload) {
  return "oneDNN " + library().version + " has no product of bf16 with " +
         std::string(workload.format->weights) + " weights; 3.5 brought those of s8 and 4 bits";
}

Footprint decoding_footprint(const QMatmul& workload, const Placement& /*placement*/) {
  throw std::logic_error(*refuse_decoding(workload));
}

std::unique_ptr<Plan> make_decoding_plan(const QMatmul& workload, const Inputs& /*inputs*/,
                                         const Placement& /*placement*/) {
  throw std::logic_error(*refuse_decoding(workload));
}

#endif

}  // namespace ergon::onednn
