// A workload of attention, computed by one of our own loops.
#pragma once

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels/attention/attention.h"
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
  double get(const std::string& name, std::int64_t index) const {
    return load(of(name).desc.dtype, of(name).bytes.data(), index);
  }
  void set(const std::string& name, std::int64_t index, double value) {
    const auto at = static_cast<std::size_t>(&of(name) - list.data());
    store(list[at].desc.dtype, list[at].bytes.data(), index, value);
  }
  Accuracy checked_by(const Oracle& oracle) const {
    std::vector<HostTensor> tensors;
    for (const One& one : list) tensors.push_back({one.name, one.desc, one.bytes.data()});
    return oracle.check(tensors);
  }
};

/// One call of "reference" or "naive" over slot 0.
inline Outputs outputs_of(const std::string& backend, const Attention& workload,
                          const Inputs& inputs) {
  static const Registry registry{RegistryOptions{}};
  static const std::unique_ptr<Device> cpu = [] {
    for (const DeviceEntry& entry : device_entries()) {
      std::string reason;
      for (auto& device : entry.find(reason))
        if (device->info().id.rfind("cpu", 0) == 0) return std::move(device);
    }
    throw std::runtime_error("no processor");
  }();
  for (const auto& implementation : registry.implementations()) {
    const ImplementationInfo& info = implementation->info();
    if (info.kernel != "attention" || info.backend != backend) continue;
    const auto plan = implementation->prepare(workload, inputs, {cpu.get(), 1, 1});
    const auto stream = cpu->make_stream();
    for (std::size_t stage = 0; stage < plan->stages().size(); ++stage)
      plan->enqueue(stage, *stream, 0);
    stream->finish();
    Outputs outputs;
    for (const DeviceTensor& tensor : plan->outputs(0)) {
      Outputs::One one{tensor.name, tensor.desc, {}};
      one.bytes.resize(tensor.desc.span_bytes());
      cpu->download(one.bytes.data(), *tensor.buffer, tensor.offset, one.bytes.size());
      outputs.list.push_back(std::move(one));
    }
    return outputs;
  }
  throw std::runtime_error("no implementation: " + backend);
}

}  // namespace ergon
