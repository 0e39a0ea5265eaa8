// A device in virtual time, and a family that doubles a small matrix with implementations that may
// cheat.
//
// The device's stream does nothing before it is waited for, so that whoever reads the clock too
// early, or an output, sees it. Everything that is done is written to the device's log in order.
#pragma once

#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bench/base/clock.h"
#include "kernels/compare.h"
#include "kernels/fill.h"
#include "kernels/kernel.h"

namespace ergon::testing {

class FakeDevice final : public Device {
 public:
  explicit FakeDevice(VirtualClock& its_clock) : clock(its_clock) {
    about.id = "cpu";
    about.kind = "cpu";
    about.last_level_cache_bytes = std::size_t{1} << 20;
    about.max_threads = 4;
  }
  const DeviceInfo& info() const noexcept override { return about; }
  std::unique_ptr<Buffer> allocate(std::size_t bytes) override;
  std::unique_ptr<Stream> make_stream() override;
  void upload(Buffer& to, std::size_t offset, const void* from, std::size_t bytes) override {
    std::memcpy(to.host() + offset, from, bytes);
  }
  void download(void* to, Buffer& from, std::size_t offset, std::size_t bytes) override {
    std::memcpy(to, from.host() + offset, bytes);
  }
  int count(const std::string& entry) const {
    int n = 0;
    for (const std::string& line : log) n += line == entry ? 1 : 0;
    return n;
  }

  VirtualClock& clock;
  DeviceInfo about;
  bool has_own_clock = false;
  double seconds_to_wait = 0;  // what finish() takes beyond the work, on the host's clock only
  std::vector<std::string> log;
  class FakeStream* last_stream = nullptr;
};

class FakeBuffer final : public Buffer {
 public:
  explicit FakeBuffer(std::size_t bytes) : memory_(bytes) {}
  std::size_t bytes() const noexcept override { return memory_.size(); }
  std::byte* host() noexcept override { return memory_.data(); }

 private:
  std::vector<std::byte> memory_;
};

struct FakeMark final : Mark {
  std::shared_ptr<double> at = std::make_shared<double>(0);
};

class FakeStream final : public Stream {
 public:
  explicit FakeStream(FakeDevice& device) : device_(device) {}
  void push(std::function<void()> work) { pending_.push_back(std::move(work)); }
  void finish() override {
    for (const auto& work : std::exchange(pending_, {})) work();
    device_.clock.advance(device_.seconds_to_wait);
  }
  std::unique_ptr<Mark> mark() override {
    auto mark = std::make_unique<FakeMark>();
    push([this, at = mark->at] { *at = device_.clock.now_seconds(); });
    return mark;
  }
  std::optional<double> seconds_between(const Mark& from, const Mark& to) override {
    if (!device_.has_own_clock) return std::nullopt;
    return *dynamic_cast<const FakeMark&>(to).at - *dynamic_cast<const FakeMark&>(from).at;
  }

 private:
  FakeDevice& device_;
  std::vector<std::function<void()>> pending_;
};

inline std::unique_ptr<Buffer> FakeDevice::allocate(std::size_t bytes) {
  return std::make_unique<FakeBuffer>(bytes);
}
inline std::unique_ptr<Stream> FakeDevice::make_stream() {
  auto stream = std::make_unique<FakeStream>(*this);
  last_stream = stream.get();
  return stream;
}

// x is 2 x 3 and dense; y is 2 x 3 with a float of padding between its rows.
inline constexpr std::int64_t rows = 2, columns = 3, y_stride = 4, padding_at = 3;

class Doubling final : public Workload {
 public:
  std::string_view kernel() const noexcept override { return "doubling"; }
  std::vector<Field> fields() const override { return {{"n", number, false}}; }
  TypeNames dtypes() const noexcept override { return types; }
  Work work() const noexcept override { return counted; }
  std::optional<double> bits_per_weight() const noexcept override { return bits; }
  std::optional<double> kv_bytes_per_token() const noexcept override { return kv_bytes; }
  std::optional<double> full_square_flops() const noexcept override { return full_square; }
  double distinct_bytes() const noexcept override { return counted.bytes - counted_again; }
  bool streams_weights() const noexcept override { return false; }

  std::int64_t number = 1;
  TypeNames types = names(DTypes{});
  Work counted{6, 48};
  std::optional<double> bits;                   // of a weight; where it is quantized
  double counted_again = 0;                     // bytes that are read and written
  std::optional<double> kv_bytes, full_square;  // of attention
};

class DoublingOracle final : public Oracle {
 public:
  DoublingOracle(const float* x, double added) {
    for (std::int64_t i = 0; i < rows * columns; ++i) expected_.push_back(2.0 * x[i] + added);
  }
  Accuracy check(std::span<const HostTensor> outputs) const override {
    Comparer comparer("y", DType::f32, 1e-6);
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t c = 0; c < columns; ++c) {
        const std::int64_t at[] = {r, c};
        comparer.add(load(DType::f32, outputs[0].data, r * y_stride + c),
                     expected_[static_cast<std::size_t>(r * columns + c)], at);
      }
    return comparer.result();
  }

 private:
  std::vector<double> expected_;
};

class DoublingFamily final : public Family {
 public:
  std::string_view name() const noexcept override { return "doubling"; }
  std::span<const FieldSpec> fields() const noexcept override { return {}; }
  std::unique_ptr<Workload> make(const FieldMap&) const override {
    return std::make_unique<Doubling>(made);
  }
  std::vector<NamedDesc> operands(const Workload&) const override {
    return {{"x", dense(DType::f32, {rows, columns})}};
  }
  std::unique_ptr<Inputs> inputs(const Workload& workload, std::uint64_t seed,
                                 std::size_t slots) const override {
    if (slots > slots_in_memory) throw std::bad_alloc();
    auto inputs = std::make_unique<Inputs>(operands(workload), slots);
    fill_uniform(inputs->desc("x"), inputs->data("x", 0), seed, 0, 1);
    inputs->replicate();
    return inputs;
  }
  std::unique_ptr<Oracle> oracle(const Workload&, const Inputs& inputs) const override {
    if (oracles-- == 0) throw std::runtime_error("no oracle");
    return std::make_unique<DoublingOracle>(inputs.as<float>("x", 0), added);
  }

  Doubling made;     // whatever the fields
  double added = 0;  // 1 for implementations that accumulate
  std::size_t slots_in_memory = 1000;
  mutable int oracles = 1000;  // how many more can be made
};

struct Call {
  const float* x;
  float* y;
  int number;  // of this implementation, from 1
};

inline float& y_at(const Call& call, std::int64_t r, std::int64_t c) {
  return call.y[r * y_stride + c];
}
inline void doubled(const Call& call) {
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < columns; ++c) y_at(call, r, c) = 2 * call.x[r * columns + c];
}

/// A Doubling of quantized weights, whose products are of another type.
inline Doubling quantized_doubling() {
  Doubling workload;
  workload.types = {"f32", "s4", "f32", "f32", "s8"};
  workload.counted.tokens = 8;
  workload.bits = 4.5;
  return workload;
}

/// What a plan does. The default is right, and takes a millisecond.
struct Behaviour {
  std::function<void(const Call&)> compute = doubled;
  std::function<double(int)> seconds = [](int) { return 1e-3; };  // of call `number`
  double pack_seconds = 0.5;
  bool accumulates = false;  // reset() then puts ones into y
  std::function<void()> prepare = [] {};
};

class FakePlan final : public Plan {
 public:
  FakePlan(const Inputs& inputs, const Placement& placement, const Behaviour& does)
      : inputs_(inputs), device_(dynamic_cast<FakeDevice&>(*placement.device)), does_(does) {
    for (std::size_t slot = 0; slot < placement.slots; ++slot)
      y_.push_back(device_.allocate(desc().span_bytes()));
  }
  static TensorDesc desc() { return {DType::f32, {rows, columns}, {y_stride, 1}}; }
  std::span<const Stage> stages() const noexcept override { return stages_; }
  void activate() override { device_.log.emplace_back("activate"); }
  void enqueue(std::size_t stage, Stream& stream, std::size_t slot) override {
    dynamic_cast<FakeStream&>(stream).push([this, stage, slot] { run(stage, slot); });
  }
  void reset(std::size_t slot) override {
    device_.log.push_back("reset " + std::to_string(slot));
    if (!does_.accumulates) return;
    for (std::int64_t i = 0; i < rows * y_stride - 1; ++i)
      if (i != padding_at) y(slot)[i] = 1;
  }
  std::vector<DeviceTensor> outputs(std::size_t slot) override {
    return {{"y", desc(), y_[slot].get(), 0}};
  }

 private:
  float* y(std::size_t slot) { return reinterpret_cast<float*>(y_[slot]->host()); }
  void run(std::size_t stage, std::size_t slot) {
    device_.log.push_back(stages_[stage].name + " " + std::to_string(slot));
    if (!stages_[stage].per_call) {
      device_.clock.advance(does_.pack_seconds);
      return;
    }
    ++calls_;
    device_.clock.advance(does_.seconds(calls_));
    does_.compute({inputs_.as<float>("x", slot), y(slot), calls_});
  }

  const Inputs& inputs_;
  FakeDevice& device_;
  Behaviour does_;
  std::vector<std::unique_ptr<Buffer>> y_;
  std::vector<Stage> stages_ = {{"pack", false, {}}, {"call", true, {}}};
  int calls_ = 0;
};

class FakeImplementation final : public Implementation {
 public:
  explicit FakeImplementation(std::string name, Behaviour behaviour = {})
      : does(std::move(behaviour)) {
    about_.kernel = "doubling";
    about_.backend = about_.name = std::move(name);
    about_.device_kind = "cpu";
  }
  const ImplementationInfo& info() const noexcept override { return about_; }
  std::optional<std::string> unsupported(const Workload&) const override { return std::nullopt; }
  Footprint footprint(const Workload&, const Placement&) const override { return bytes; }
  std::unique_ptr<Plan> prepare(const Workload&, const Inputs& inputs,
                                const Placement& placement) const override {
    does.prepare();
    return std::make_unique<FakePlan>(inputs, placement, does);
  }

  Behaviour does;
  Footprint bytes;

 private:
  ImplementationInfo about_;
};

}  // namespace ergon::testing
