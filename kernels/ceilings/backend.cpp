#include "kernels/ceilings/backend.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>

#include "kernels/ceilings/ceiling.h"
#include "kernels/devices/cpu.h"
#include "kernels/devices/memory.h"

namespace ergon::ceilings {
namespace {

/// Measured: an Intel server processor with AMX read fastest 1 KiB ahead (of none to 4 KiB), AMD's
/// Zen 5 at 4 to 8 KiB, by 6 % over 1 KiB, and slower at 12.
std::int64_t ahead() { return cpu_info().vendor == "AuthenticAMD" ? 4096 : 1024; }

constexpr std::int64_t line_floats = 16;

/// Where part `index` of `parts` begins.
std::int64_t part(std::int64_t whole, int index, int parts) {
  return whole / parts * index + std::min<std::int64_t>(whole % parts, index);
}

std::size_t output_bytes(const Ceiling& ceiling) {
  const bool writes_array = !ceiling.is_flops() && ceiling.what != "read";
  return writes_array ? static_cast<std::size_t>(ceiling.elements()) * sizeof(float) : 64;
}

/// What all plans share: one stage, one output per slot.
class CeilingPlan : public Plan {
 public:
  CeilingPlan(const Ceiling& ceiling, const Placement& placement, NamedDesc output)
      : ceiling_(ceiling), threads_(placement.threads), output_(std::move(output)) {
    stages_ = {{ceiling_.what, true, ceiling_.work()}};
    for (std::size_t slot = 0; slot < placement.slots; ++slot)
      buffers_.push_back(placement.device->allocate(output_bytes(ceiling_)));
  }
  std::span<const Stage> stages() const noexcept override { return stages_; }
  void reset(std::size_t /*slot*/) override {}  // a call changes nothing that it reads
  std::vector<DeviceTensor> outputs(std::size_t slot) override {
    return {{output_.name, output_.desc, buffers_.at(slot).get(), 0}};
  }

 protected:
  template <class T>
  T* output(std::size_t slot) {
    return reinterpret_cast<T*>(buffers_[slot]->host());
  }

  const Ceiling ceiling_;
  const int threads_;

 private:
  NamedDesc output_;
  std::vector<Stage> stages_;
  std::vector<std::unique_ptr<Buffer>> buffers_;
};

class FlopsPlan final : public CeilingPlan {
 public:
  FlopsPlan(const Ceiling& ceiling, const Inputs& inputs, const Placement& placement,
            const FlopsLoop& loop)
      : CeilingPlan(ceiling, placement, {"checksum", dense(DType::f64, {1})}),
        inputs_(inputs),
        loop_(loop) {}

  void enqueue(std::size_t /*stage*/, Stream& /*stream*/, std::size_t slot) override {
    const std::int64_t iterations = ceiling_.flops / loop_.flops_per_iteration;
    const auto* factors = inputs_.as<std::int32_t>("factors", slot);
    std::atomic<std::int64_t> sum = 0;
    on_team(threads_, [&](int thread, int threads) {
      const std::int64_t last = part(iterations, thread + 1, threads);
      std::int64_t mine = 0;
      for (std::int64_t i = part(iterations, thread, threads); i < last; i += most_iterations)
        mine += loop_.run(factors, std::min(most_iterations, last - i));
      sum += mine;
    });
    *output<double>(slot) = static_cast<double>(sum.load());
  }

  std::string detail() const override { return std::string(loop_.about); }

 private:
  const Inputs& inputs_;
  const FlopsLoop& loop_;
};

class StreamPlan : public CeilingPlan {
 public:
  StreamPlan(const Ceiling& ceiling, const Inputs& inputs, const Placement& placement,
             const StreamLoops& loops, NamedDesc output)
      : CeilingPlan(ceiling, placement, std::move(output)), inputs_(inputs), loops_(loops) {}

 protected:
  /// Calls `body(first float, lines)` on every thread with its contiguous part.
  template <class Body>
  void on_parts(Body body) {
    const std::int64_t lines = ceiling_.elements() / line_floats;
    on_team(threads_, [&](int thread, int threads) {
      const std::int64_t first = part(lines, thread, threads);
      body(first * line_floats, part(lines, thread + 1, threads) - first);
    });
  }

  const Inputs& inputs_;
  const StreamLoops& loops_;
};

class ReadPlan final : public StreamPlan {
 public:
  ReadPlan(const Ceiling& ceiling, const Inputs& inputs, const Placement& placement,
           const StreamLoops& loops)
      : StreamPlan(ceiling, inputs, placement, loops, {"sum", dense(DType::s32, {1})}) {}

  void enqueue(std::size_t /*stage*/, Stream& /*stream*/, std::size_t slot) override {
    const auto* a = inputs_.as<float>("a", slot);
    std::atomic<std::uint32_t> sum = 0;
    on_parts([&](std::int64_t first, std::int64_t lines) {
      sum += loops_.read(a + first, lines, ahead());
    });
    *output<std::int32_t>(slot) = static_cast<std::int32_t>(sum.load());
  }
};

NamedDesc written_array(const Ceiling& ceiling) {
  return {"c", dense(DType::f32, {ceiling.elements()})};
}

class CopyPlan final : public StreamPlan {
 public:
  CopyPlan(const Ceiling& ceiling, const Inputs& inputs, const Placement& placement,
           const StreamLoops& loops)
      : StreamPlan(ceiling, inputs, placement, loops, written_array(ceiling)) {}

  void enqueue(std::size_t /*stage*/, Stream& /*stream*/, std::size_t slot) override {
    const auto* a = inputs_.as<float>("a", slot);
    auto* c = output<float>(slot);
    on_parts([&](std::int64_t first, std::int64_t lines) {
      loops_.copy(c + first, a + first, lines, ahead());
    });
  }
};

class TriadPlan final : public StreamPlan {
 public:
  TriadPlan(const Ceiling& ceiling, const Inputs& inputs, const Placement& placement,
            const StreamLoops& loops)
      : StreamPlan(ceiling, inputs, placement, loops, written_array(ceiling)) {}

  void enqueue(std::size_t /*stage*/, Stream& /*stream*/, std::size_t slot) override {
    const auto* a = inputs_.as<float>("a", slot);
    const auto* b = inputs_.as<float>("b", slot);
    auto* c = output<float>(slot);
    on_parts([&](std::int64_t first, std::int64_t lines) {
      loops_.triad(c + first, a + first, b + first, lines, ahead());
    });
  }
};

class UpdatePlan final : public StreamPlan {
 public:
  UpdatePlan(const Ceiling& ceiling, const Inputs& inputs, const Placement& placement,
             const StreamLoops& loops)
      : StreamPlan(ceiling, inputs, placement, loops,
                   {"a", dense(DType::f32, {ceiling.elements()})}) {}

  /// Out of the caches again, as every operand that is put back before a cold window: lines that
  /// the cache still holds unwritten when a window ends are then as many for a kernel as for this.
  void reset(std::size_t slot) override {
    const auto* from = inputs_.as<float>("a", slot);
    auto* a = output<float>(slot);
    on_parts([&](std::int64_t first, std::int64_t lines) {
      const auto bytes = static_cast<std::size_t>(lines * line_floats) * sizeof(float);
      std::memcpy(a + first, from + first, bytes);
      evict(reinterpret_cast<const std::byte*>(a + first), bytes);
    });
  }

  void enqueue(std::size_t /*stage*/, Stream& /*stream*/, std::size_t slot) override {
    auto* a = output<float>(slot);
    on_parts(
        [&](std::int64_t first, std::int64_t lines) { loops_.update(a + first, lines, ahead()); });
  }
};

class CeilingImplementation final : public Implementation {
 public:
  explicit CeilingImplementation(const Backend& backend)
      : backend_(backend),
        info_{"ceiling",
              std::string(backend.name),
              std::string(backend.name),
              "",
              "cpu",
              std::string(backend.about),
              {}} {}

  const ImplementationInfo& info() const noexcept override { return info_; }
  std::optional<std::string> unavailable() const override { return backend_.unavailable; }

  std::optional<std::string> unsupported(const Workload& workload) const override {
    const auto& ceiling = dynamic_cast<const Ceiling&>(workload);
    const std::string here = info_.backend + " here has no ";
    if (!ceiling.is_flops()) {
      if (!backend_.streams) return here + "loads and stores of its own";
    } else if (!loop(ceiling.dtype)) {
      return here + std::string(name(ceiling.dtype)) + " multiply-add";
    }
    return std::nullopt;
  }

  Footprint footprint(const Workload& workload, const Placement&) const override {
    return {0, output_bytes(dynamic_cast<const Ceiling&>(workload))};
  }

  std::unique_ptr<Plan> prepare(const Workload& workload, const Inputs& inputs,
                                const Placement& placement) const override {
    const auto& ceiling = dynamic_cast<const Ceiling&>(workload);
    if (ceiling.is_flops())
      return std::make_unique<FlopsPlan>(ceiling, inputs, placement, *loop(ceiling.dtype));
    const StreamLoops& streams = *backend_.streams;
    if (ceiling.what == "read")
      return std::make_unique<ReadPlan>(ceiling, inputs, placement, streams);
    if (ceiling.what == "copy")
      return std::make_unique<CopyPlan>(ceiling, inputs, placement, streams);
    if (ceiling.is_update())
      return std::make_unique<UpdatePlan>(ceiling, inputs, placement, streams);
    return std::make_unique<TriadPlan>(ceiling, inputs, placement, streams);
  }

 private:
  const FlopsLoop* loop(DType dtype) const {
    const auto found = std::find_if(backend_.flops.begin(), backend_.flops.end(),
                                    [&](const FlopsLoop* loop) { return loop->dtype == dtype; });
    return found == backend_.flops.end() ? nullptr : *found;
  }

  Backend backend_;
  ImplementationInfo info_;
};

}  // namespace

std::optional<std::string> lacking(std::initializer_list<std::string_view> features) {
  for (const std::string_view feature : features)
    if (!cpu_info().has(feature)) return "this processor has no " + std::string(feature);
  return std::nullopt;
}

Implementations make_ceilings(const Backend& backend) {
  Implementations made;
  made.push_back(std::make_unique<CeilingImplementation>(backend));
  return made;
}

}  // namespace ergon::ceilings
