#include "tests/contract/prepared.h"

#include <algorithm>

#include "kernels/fill.h"
#include "tests/contract/machine.h"

namespace ergon {
namespace {

std::int64_t offset_of(const TensorDesc& desc, std::int64_t element) {
  std::int64_t offset = 0;
  for (std::size_t d = desc.sizes.size(); d-- > 0;) {
    offset += element % desc.sizes[d] * desc.strides[d];
    element /= desc.sizes[d];
  }
  return offset;
}

}  // namespace

Prepared::Prepared(const Implementation& implementation, const Problem& problem, int threads)
    : device_(machine().device_for(implementation.info())),
      problem_(problem),
      inputs_(problem.inputs(seed_, slots)),
      stream_(device_.make_stream()),
      plan_(implementation.prepare(problem.workload(), *inputs_, {&device_, threads, slots})) {}

Accuracy Prepared::call(std::size_t slot) {
  outputs_.clear();
  for (const DeviceTensor& tensor : plan_->outputs(slot)) {
    const std::vector<std::byte> poison(tensor.desc.span_bytes(), poison_byte(tensor.desc.dtype));
    device_.upload(*tensor.buffer, tensor.offset, poison.data(), poison.size());
    outputs_.push_back({tensor, {}, {}});
  }
  plan_->reset(slot);
  for (Output& output : outputs_) output.before = read(output.tensor);
  run(true, slot);
  std::vector<HostTensor> got;
  for (Output& output : outputs_) {
    output.after = read(output.tensor);
    got.push_back({output.tensor.name, output.tensor.desc, output.after.data()});
  }
  return problem_.oracle(seed_).check(got);
}

std::int64_t Prepared::changed_padding() const {
  std::int64_t changed = 0;
  for (const Output& output : outputs_) {
    const TensorDesc& desc = output.tensor.desc;
    std::vector<bool> element(output.after.size(), false);
    for (std::int64_t i = 0; i < desc.elements(); ++i)
      std::fill_n(
          element.begin() + offset_of(desc, i) * static_cast<std::int64_t>(size_of(desc.dtype)),
          size_of(desc.dtype), true);
    for (std::size_t i = 0; i < element.size(); ++i)
      if (!element[i] && output.before[i] != output.after[i]) ++changed;
  }
  return changed;
}

void Prepared::refill() {
  const auto other = problem_.inputs(++seed_, 1);
  for (const NamedDesc& operand : inputs_->operands())
    std::copy_n(other->data(operand.name, 0), operand.desc.span_bytes(),
                inputs_->data(operand.name, 0));
  inputs_->replicate();
  for (std::size_t slot = 0; slot < slots; ++slot) plan_->refresh(slot);
}

void Prepared::run(bool per_call, std::size_t slot) {
  plan_->activate();
  for (std::size_t stage = 0; stage < plan_->stages().size(); ++stage)
    if (plan_->stages()[stage].per_call == per_call) plan_->enqueue(stage, *stream_, slot);
  stream_->finish();
}

std::vector<std::byte> Prepared::read(const DeviceTensor& tensor) const {
  std::vector<std::byte> bytes(tensor.desc.span_bytes());
  device_.download(bytes.data(), *tensor.buffer, tensor.offset, bytes.size());
  return bytes;
}

}  // namespace ergon
