#include "bench/measure/member.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "bench/measure/verify.h"
#include "bench/record/lookup.h"
#include "bench/stats/stats.h"

namespace ergon::measure {
namespace {

record::Value to_record(const FieldValue& value) {
  return std::visit([](const auto& v) { return record::Value(v); }, value);
}

record::TimeSample to_record(const Timed::Sample& sample, const Disturbance& seen) {
  record::TimeSample out;
  out.start_seconds = sample.start_seconds;
  out.calls = sample.calls;
  out.seconds = sample.seconds;
  out.flags = seen.flags;
  out.involuntary_switches = seen.involuntary_switches;
  out.steal_seconds = seen.steal_seconds ? Maybe<double>(*seen.steal_seconds)
                                         : Maybe<double>(Absent{"/proc/stat does not say"});
  out.busy_seconds = seen.others_seconds ? Maybe<double>(*seen.others_seconds)
                                         : Maybe<double>(Absent{"/proc/stat does not say"});
  out.frequency_hz =
      seen.frequency_hz ? Maybe<double>(*seen.frequency_hz) : Maybe<double>(Absent{"no cpufreq"});
  return out;
}

record::Accuracy to_record(const Accuracy& accuracy) {
  record::Accuracy out;
  out.reference = accuracy.reference;
  out.max_abs = accuracy.max_abs;
  out.rel_l2 = accuracy.rel_l2;
  out.tolerance = accuracy.tolerance;
  out.checked_elements = accuracy.checked_elements;
  out.quantization_rel_l2 = accuracy.quantization_rel_l2;
  return out;
}

/// The check with the largest error stands for all; a format may cost most in another one.
record::Accuracy worst(const Maybe<record::Accuracy>& before, const Accuracy& now) {
  record::Accuracy out = to_record(now);
  if (!before) return out;
  if (!now.mismatch && now.max_abs < before->max_abs) out = *before;
  out.quantization_rel_l2 = std::max(before->quantization_rel_l2, now.quantization_rel_l2);
  return out;
}

std::vector<double> seconds_per_call_of(const record::Row& row) {
  std::vector<double> out;
  for (const auto& s : row.samples) out.push_back(s.seconds / static_cast<double>(s.calls));
  return out;
}

}  // namespace

record::Row row_of(const Case& what, int block) {
  record::Row row;
  row.case_name = what.workload->name();
  row.kernel = what.workload->kernel();
  for (const auto& field : what.workload->fields())
    row.workload.emplace_back(std::string(field.name), to_record(field.value));
  const auto& info = what.implementation->info();
  row.implementation = {info.backend, info.name, info.variant, {}};
  const TypeNames types = what.workload->dtypes();
  row.dtype = {std::string(types.inputs), std::string(types.weights), std::string(types.accumulate),
               std::string(types.output)};
  if (types.products != types.weights) row.dtype.products = types.products;
  row.device = what.device ? what.device->info().id : info.device_kind;
  row.threads = what.threads;
  row.cache = what.cold ? "cold" : "warm";
  row.block = block;
  const Work work = what.workload->work();
  row.work.flops = work.flops;
  row.work.bytes = work.bytes;
  row.work.tokens = work.tokens;
  row.work.bits_per_weight = what.workload->bits_per_weight();
  row.work.kv_bytes_per_token = what.workload->kv_bytes_per_token();
  row.work.full_square_flops = what.workload->full_square_flops();
  if (what.skip) {
    row.status = "skipped";
    row.reason = *what.skip;
    row.energy = Absent{"skipped"};
    row.accuracy = Absent{"skipped"};
  }
  return row;
}

std::optional<record::Row::Cold> cold_facts(const Case& what, std::size_t slots) {
  if (!what.cold) return std::nullopt;
  record::Row::Cold cold;
  cold.bytes_between_uses =
      static_cast<std::int64_t>(static_cast<double>(slots - 1) * what.workload->distinct_bytes());
  const auto last_level = what.device->info().last_level_cache_bytes;
  cold.last_level_bytes =
      last_level ? Maybe<std::int64_t>(static_cast<std::int64_t>(*last_level))
                 : Maybe<std::int64_t>(Absent{"the device does not say; 256 MiB assumed"});
  const auto stream = what.workload->memory_stream();
  cold.ceiling = stream ? Maybe<std::string>(record::ceiling_name(*stream))
                        : Maybe<std::string>(Absent{
                              "part of its bytes are read and written in place, part are not"});
  return cold;
}

Member::Member(const Case& what, const Inputs& inputs, std::size_t slots, int block,
               Session& session)
    : row(row_of(what, block)), key(record::key(row)), case_(what), session_(session) {
  row.inputs = {inputs.distribution, inputs.seed, inputs.entropy_bits_per_element};
  row.cold = cold_facts(what, slots);
  try {
    plan_ =
        what.implementation->prepare(*what.workload, inputs, {what.device, what.threads, slots});
    timed_ = std::make_unique<Timed>(*plan_, *what.device, slots, session.clock);
    timed_->prepare();
    row.implementation.detail = plan_->detail();
    for (const auto& stage : plan_->stages())
      row.stages.push_back({stage.name, stage.per_call, stage.work.flops, stage.work.bytes,
                            Absent{"not timed apart: the only stage of a call"}});
  } catch (const std::exception& error) {
    fail("failed", std::string("preparing: ") + error.what());
  }
  session.sink.row_started(row);
  if (!usable()) session.sink.row_finished(row);
}

void Member::fail(std::string status, std::string reason) {
  row.status = std::move(status);
  row.reason = std::move(reason);
  timed_.reset();
  plan_.reset();
}

void Member::release() {
  timed_.reset();
  plan_.reset();
}

void Member::replace(const Inputs& inputs, std::size_t slots) {
  plan_ =
      case_.implementation->prepare(*case_.workload, inputs, {case_.device, case_.threads, slots});
  timed_ = std::make_unique<Timed>(*plan_, *case_.device, slots, session_.clock);
  timed_->prepare();
  timed_->window(1);
}

void Member::verify(const Oracle& oracle, std::size_t slot) {
  if (!usable()) return;
  try {
    const Accuracy accuracy = check_one_call(*timed_, oracle, slot);
    row.accuracy = worst(row.accuracy, accuracy);
    if (accuracy.mismatch) fail("wrong", *accuracy.mismatch);
  } catch (const std::exception& error) {
    fail("failed", std::string("calling: ") + error.what());
  }
  if (!usable()) session_.sink.row_finished(row);
}

void Member::verify_again(const Oracle& oracle) {
  if (!usable()) return;
  plan_->refresh(0);
  plan_->activate();
  const auto stages = plan_->stages();
  const auto stream = case_.device->make_stream();
  for (std::size_t i = 0; i < stages.size(); ++i)
    if (!stages[i].per_call) plan_->enqueue(i, *stream, 0);
  stream->finish();
  verify(oracle, 0);
  if (!usable()) return;
  record::Accuracy accuracy = *row.accuracy;
  accuracy.verified_after = true;
  row.accuracy = accuracy;
}

void Member::warm_up() {
  if (!usable()) return;
  try {
    const double aim = session_.effort.window_seconds;
    seconds_per_call_ = std::numeric_limits<double>::infinity();
    for (int i = 0; i < 12; ++i) {
      const auto sample = timed_->window(calls_);
      fit_calls(sample);
      if (seconds_per_call_ > 10 * aim) break;
      if (i >= 2 && sample.seconds >= aim / 2) break;
    }
  } catch (const std::exception& error) {
    fail("failed", std::string("warming up: ") + error.what());
    session_.sink.row_finished(row);
  }
}

// The quickest call seen decides: a disturbed one would make every later window too short.
void Member::fit_calls(const Timed::Sample& sample) {
  const double aim = session_.effort.window_seconds;
  seconds_per_call_ =
      std::min(seconds_per_call_, sample.seconds / static_cast<double>(sample.calls));
  const double wanted = seconds_per_call_ > 0 ? aim / seconds_per_call_ : 1e6;
  // At most tenfold a step: the first calls may be slow for reasons of their own.
  const double most = 10.0 * static_cast<double>(calls_);
  calls_ = std::max<std::int64_t>(1, std::llround(std::min(wanted, most)));
}

void Member::sample(int round, int position) {
  if (!usable()) return;
  const MachineState before = session_.watch.now();
  Timed::Sample timed;
  try {
    timed = timed_->window(calls_);
  } catch (const std::exception& error) {
    fail("failed", std::string("while timed: ") + error.what());
    session_.sink.row_finished(row);
    return;
  }
  record::TimeSample out = to_record(timed, between(before, session_.watch.now()));
  if (timed.seconds < session_.effort.window_seconds / 2) fit_calls(timed);
  out.start_seconds -= session_.started_seconds;
  out.round = round;
  out.position = position;
  out.launch = session_.launch;
  row.samples.push_back(out);
  session_.sink.time_sample(key, out);
}

void Member::check_inside_a_window(const Oracle& oracle) {
  if (!usable()) return;
  std::uniform_int_distribution<std::int64_t> anywhere(0, calls_ - 1);
  const std::int64_t before = anywhere(session_.order);
  if (before > 0) timed_->window(before);
  verify(oracle, timed_->next_slot());
  if (usable() && calls_ - before > 1) timed_->window(calls_ - before - 1);
}

void Member::time_stages() {
  if (!usable()) return;
  const auto stages = plan_->stages();
  const auto per_call =
      std::count_if(stages.begin(), stages.end(), [](const Stage& s) { return s.per_call; });
  for (std::size_t i = 0; i < stages.size(); ++i)
    if (!stages[i].per_call || per_call > 1)
      row.stages[i].seconds_median = timed_->stage_seconds(i, 5);
}

double Member::relative_interval() const {
  const auto samples = seconds_per_call_of(row);
  if (samples.empty()) return std::numeric_limits<double>::infinity();
  const auto interval = stats::median_interval(samples);
  if (!interval) return std::numeric_limits<double>::infinity();
  const double median = stats::median(samples);
  return std::max(interval->high - median, median - interval->low) / median;
}

}  // namespace ergon::measure
