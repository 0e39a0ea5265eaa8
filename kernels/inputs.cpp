#include "kernels/inputs.h"

#include <cstring>
#include <new>
#include <stdexcept>
#include <utility>

namespace ergon {
namespace {

constexpr std::size_t cache_line = 64;
constexpr std::size_t page = 4096;

std::size_t rounded_up(std::size_t bytes, std::size_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

std::size_t product(std::size_t a, std::size_t b) {
  std::size_t bytes = 0;
  if (__builtin_mul_overflow(a, b, &bytes)) throw std::bad_alloc();
  return bytes;
}

}  // namespace

std::size_t slot_bytes(std::span<const NamedDesc> operands) noexcept {
  std::size_t bytes = 0;
  for (const NamedDesc& operand : operands)
    bytes += rounded_up(operand.desc.span_bytes(), cache_line);
  return rounded_up(bytes, page);
}

Inputs::Inputs(std::vector<NamedDesc> operands, std::size_t slots)
    : operands_(std::move(operands)),
      slots_(slots),
      slot_bytes_(ergon::slot_bytes(operands_)),
      memory_(product(slot_bytes_, slots)) {
  if (slots == 0) throw std::invalid_argument("inputs need at least one slot");
  std::size_t offset = 0;
  for (const NamedDesc& operand : operands_) {
    places_.push_back({memory_.data() + offset, slot_bytes_});
    offset += rounded_up(operand.desc.span_bytes(), cache_line);
  }
}

Inputs Inputs::over(const std::vector<PlacedOperand>& placed, std::size_t slots) {
  Inputs inputs(std::vector<NamedDesc>(), slots);
  for (const PlacedOperand& each : placed) {
    inputs.operands_.push_back(each.operand);
    inputs.places_.push_back({const_cast<std::byte*>(each.first), each.stride});
  }
  return inputs;
}

std::size_t Inputs::index(std::string_view name) const {
  for (std::size_t i = 0; i < operands_.size(); ++i)
    if (operands_[i].name == name) return i;
  throw std::out_of_range("no operand \"" + std::string(name) + "\"");
}

const TensorDesc& Inputs::desc(std::string_view name) const { return operands_[index(name)].desc; }

HostTensor Inputs::tensor(std::string_view name, std::size_t slot) const {
  return {std::string(name), desc(name), data(name, slot)};
}

std::byte* Inputs::data(std::string_view name, std::size_t slot) {
  const Place& place = places_[index(name)];
  return place.first + slot * place.stride;
}

const std::byte* Inputs::data(std::string_view name, std::size_t slot) const {
  const Place& place = places_[index(name)];
  return place.first + slot * place.stride;
}

void Inputs::replicate() {
  if (slot_bytes_ == 0) return;  // sums of nothing: there is no memory at all
  for (std::size_t slot = 1; slot < slots_; ++slot)
    std::memcpy(memory_.data() + slot * slot_bytes_, memory_.data(), slot_bytes_);
}

}  // namespace ergon
