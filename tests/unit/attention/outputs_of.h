// A workload of attention, computed by one of our own loops.
#pragma once

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "kernels/attention/attention.h"
#include "kernels/devices/cpu.h"
#include "kernels/fill.h"
#include "kernels/registry.h"

namespace ergon {

/// Fields of integers; those of another type are added by the caller.
inline FieldMap attention_fields(
    const char* structure, const char* phase,
    const std::vector<std::pair<const char*, std::int64_t>>& integers) {
  FieldMap fields = {{"structure", std::string(structure)}, {"phase", std::string(phase)}};
  for (const auto& [name, value] : integers) fields.insert({name, value});
  return fields;
}

inline Attention attention_of(const FieldMap& fields) {
  return dynamic_cast<const Attention&>(*attention_family().make(fields));
}

/// The field that is refused, or "none".
inline std::string field_refused(const FieldMap& fields) {
  try {
    attention_of(fields);
  } catch (const InvalidField& refused) {
    return refused.field;
  }
  return "none";
}

/// Outputs in memory of their own.
struct Outputs {
  struct One {
    std::string name;
    TensorDesc desc;
    std::vector<std::byte> bytes;
  };
  std::vector<One> list;

  const One& of(const std::string& name) const {
    const auto found =
        std::find_if(list.begin(), list.end(), [&](const One& one) { return one.name == name; });
    if (found == list.end()) throw std::out_of_range(name);
    return *found;
  }
  One& of(const std::string& name) {
    return list[static_cast<std::size_t>(&std::as_const(*this).of(name) - list.data())];
  }
  double get(const std::string& name, std::int64_t index) const {
    return load(of(name).desc.dtype, of(name).bytes.data(), index);
  }
  void set(const std::string& name, std::int64_t index, double value) {
    store(of(name).desc.dtype, of(name).bytes.data(), index, value);
  }
  Accuracy checked_by(const Oracle& oracle) const {
    std::vector<HostTensor> tensors;
    for (const One& one : list) tensors.push_back({one.name, one.desc, one.bytes.data()});
    return oracle.check(tensors);
  }
};

inline Device& processor() {
  static const std::unique_ptr<Device> cpu = [] {
    std::string reason;
    return std::move(find_cpu(reason).at(0));
  }();
  return *cpu;
}

/// One call over slot 0, what nobody writes being poison.
inline Outputs outputs_of(const Implementation& implementation, const Attention& workload,
                          const Inputs& inputs, int threads = 1) {
  Device& cpu = processor();
  const auto plan = implementation.prepare(workload, inputs, {&cpu, threads, 1});
  Outputs outputs;
  for (const DeviceTensor& tensor : plan->outputs(0)) {
    Outputs::One one{tensor.name, tensor.desc, {}};
    one.bytes.resize(tensor.desc.span_bytes(), poison_byte(tensor.desc.dtype));
    cpu.upload(*tensor.buffer, tensor.offset, one.bytes.data(), one.bytes.size());
    outputs.list.push_back(std::move(one));
  }
  plan->reset(0);
  const auto stream = cpu.make_stream();
  for (std::size_t stage = 0; stage < plan->stages().size(); ++stage)
    plan->enqueue(stage, *stream, 0);
  stream->finish();
  for (const DeviceTensor& tensor : plan->outputs(0)) {
    std::vector<std::byte>& bytes = outputs.of(tensor.name).bytes;
    cpu.download(bytes.data(), *tensor.buffer, tensor.offset, bytes.size());
  }
  return outputs;
}

/// Of a backend that is one implementation: our own.
inline Outputs outputs_of(const std::string& backend, const Attention& workload,
                          const Inputs& inputs) {
  static const Registry registry{RegistryOptions{}};
  for (const auto& implementation : registry.implementations()) {
    const ImplementationInfo& info = implementation->info();
    if (info.kernel == "attention" && info.backend == backend)
      return outputs_of(*implementation, workload, inputs);
  }
  throw std::runtime_error("no implementation: " + backend);
}

}  // namespace ergon
