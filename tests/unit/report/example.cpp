#include "tests/unit/report/example.h"

#include "bench/stats/stats.h"

namespace ergon::test {

using record::Document;
using record::Row;

namespace {

record::Ceiling ceiling(const std::string& what, const std::string& dtype, int threads,
                        double value) {
  return {what,
          dtype,
          threads,
          value,
          Interval{value * 0.99, value * 1.01},
          what == "flops" ? "register-only multiply-add loop, avx512" : "64 B loads, 1.5 GB"};
}

}  // namespace

Row untimed_row(const RowSpec& spec, const std::string& status, const std::string& reason) {
  Row row;
  row.case_name = spec.case_name;
  row.kernel = spec.case_name.substr(0, spec.case_name.find('/'));
  row.implementation = {spec.backend, spec.name, spec.variant, ""};
  const std::string output = spec.output.empty() ? spec.dtype : spec.output;
  row.dtype = {spec.dtype, spec.dtype, "f32", output};
  row.device = "cpu";
  row.threads = spec.threads;
  row.cache = spec.cache;
  if (spec.cache == "cold") row.cold = Row::Cold{3'000'000'000, std::int64_t{480} << 20};
  row.block = spec.block;
  row.status = status;
  row.reason = reason;
  row.work.flops = spec.flops;
  row.work.bytes = spec.bytes;
  row.inputs = {"uniform [-1, 1)", 1, 20};
  row.interval_kind = "rounds";
  return row;
}

Row timed_row(const RowSpec& spec) {
  Row row = untimed_row(spec, "ok", "");
  for (int round = 0; round < spec.rounds; ++round) {
    record::TimeSample sample;
    sample.round = round;
    sample.launch = spec.launch;
    sample.calls = 10;
    sample.start_seconds = round;
    sample.steal_seconds = sample.busy_seconds = 0.0;
    // Low and high in turn: a steady rise would be drift, and its interval wider.
    const int rank = round % 2 == 0 ? round / 2 : spec.rounds - 1 - round / 2;
    sample.seconds = 10 * spec.seconds * (1 + 0.001 * (rank - (spec.rounds - 1) / 2.0));
    row.samples.push_back(sample);
  }
  row.accuracy = record::Accuracy{"float64, whole", 1e-6, 1e-7, 1e-5, 1 << 20, {}, true};
  summarise(row);
  return row;
}

void summarise(Row& row) {
  std::vector<double> values;
  for (const auto& sample : row.samples)
    values.push_back(sample.seconds / static_cast<double>(sample.calls));
  row.median = stats::median(values);
  const auto interval = stats::median_interval(values);
  if (interval)
    row.interval95 = *interval;
  else
    row.interval95 = Absent{"fewer than 6 rounds"};
}

void add_launch(Row& row, int launch, double factor) {
  const auto first = row.samples;
  for (auto sample : first) {
    if (sample.launch != first.front().launch) continue;
    sample.launch = launch;
    sample.seconds *= factor;
    row.samples.push_back(sample);
  }
  summarise(row);
}

record::Energy energy(const Row& row, const std::string& meter, double watts, int windows) {
  record::Energy out{meter, {}};
  for (int i = 0; i < windows; ++i) {
    record::EnergySample sample;
    sample.calls = 100;
    sample.seconds = 100 * *row.median;
    const double off = windows == 1 ? 0 : 0.02 * i / (windows - 1) - 0.01;
    sample.joules = watts * sample.seconds * (1 + off);
    out.samples.push_back(sample);
  }
  return out;
}

record::Meter counter_meter() {
  record::Meter meter;
  meter.id = "perf";
  meter.scope = "package";
  meter.provenance = "counter";
  meter.about = "energy-pkg of the power PMU, one package";
  meter.relative_uncertainty = 0.02;
  meter.primary = true;
  return meter;
}

record::Meter board_meter() {
  record::Meter meter;
  meter.id = "nvml:0";
  meter.part = "accelerator";
  meter.scope = "board";
  meter.provenance = "counter";
  meter.about = "total energy of the board Example GPU";
  meter.relative_uncertainty = 0.05;
  meter.primary = true;
  return meter;
}

record::Meter modelled_meter() {
  record::Meter meter;
  meter.id = "modelled";
  meter.scope = "wall";
  meter.provenance = "modelled";
  meter.about = "idle and full wall watts of 12 published servers x CPU use";
  meter.relative_uncertainty = 0.3;
  return meter;
}

record::Price hourly_price(double usd_per_hour, double share) {
  record::Price price;
  price.id = "c7a.large";
  price.basis = "rent";
  price.usd_per_hour = usd_per_hour;
  price.source = "https://example.org/prices";
  price.as_of = "2026-01-15";
  price.region = "us-east-1";
  price.kind = "on-demand";
  price.confidence = "read";
  price.share = share;
  return price;
}

Document machine() {
  Document document;
  document.run.id = "r1";
  document.run.started_utc = "2026-01-31T12:00:00Z";
  document.run.complete = true;
  document.run.suite.name = "quick";
  document.run.ergon.version = "0.1.0";
  document.run.ergon.commit = "0123456789abcdef";
  auto& cpu = document.host.cpu;
  cpu.model = "Example 9000 Processor";
  cpu.vendor = "AuthenticAMD";
  cpu.family = "25/17/1";
  cpu.cores_used = 2;
  cpu.cores = 2;
  cpu.threads = 2;
  cpu.sockets = 1;
  cpu.isa = {"sse2", "avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16"};
  document.host.virtualised = std::string("kvm");
  record::Device device{"cpu", "cpu", "Example 9000", "", std::int64_t{8} << 30, {}};
  device.ceilings = {ceiling("flops", "f32", 1, 400e9), ceiling("flops", "f32", 2, 800e9),
                     ceiling("bandwidth_read", "", 1, 20e9),
                     ceiling("bandwidth_read", "", 2, 30e9)};
  document.devices.push_back(device);
  return document;
}

void quantize(Row& row, double tokens, const std::string& weights, double bits) {
  row.dtype = {"f32", weights, "f32", "f32", "s8"};
  row.work.tokens = tokens;
  row.work.bits_per_weight = bits;
  if (!row.accuracy) return;
  record::Accuracy accuracy = *row.accuracy;
  accuracy.quantization_rel_l2 = 0.0125;
  accuracy.rel_l2 = 3e-7;
  row.accuracy = accuracy;
}

Document quantized_run() {
  Document document = machine();
  for (const int threads : {1, 2})
    document.devices.front().ceilings.push_back(ceiling("flops", "s8", threads, threads * 1e12));
  document.meters = {modelled_meter()};
  document.prices = {hourly_price(0.0824, 0.5)};
  const auto add = [&document](Row row, double tokens, const std::string& weights, double bits) {
    if (tokens > 0) quantize(row, tokens, weights, bits);
    if (row.status == "ok") row.energy = energy(row, "modelled", 12, 3);
    document.rows.push_back(std::move(row));
  };
  const auto stream = [](const char* format, double bytes) {
    return RowSpec{.case_name = std::string("qmatmul/format=") + format + ",m=1,n=4096,k=4096",
                   .cache = "cold",
                   .flops = 33.6e6,
                   .bytes = bytes,
                   .seconds = bytes / 19e9};
  };
  for (const char* backend : {"native", "onednn"}) {
    RowSpec spec = stream("w4a8", 9.46e6);
    spec.backend = spec.name = backend;
    add(timed_row(spec), 1, "s4", 4.5);
  }
  RowSpec wrong = stream("w4a8", 9.46e6);
  wrong.backend = wrong.name = "naive";
  add(untimed_row(wrong, "wrong", "y[0,7]: got 2, expected -3"), 1, "s4", 4.5);
  add(timed_row(stream("mxfp4", 8.94e6)), 1, "mxfp4", 4.25);
  add(timed_row({.case_name = "qmatmul/format=w4a8,m=512,n=4096,k=4096",
                 .threads = 2,
                 .flops = 17.2e9,
                 .bytes = 26.2e6,
                 .seconds = 0.011}),
      512, "s4", 4.5);
  add(timed_row({}), 0, "", 0);
  return document;
}

Document attention_run() {
  Document document = machine();
  document.devices.front().ceilings.push_back(ceiling("flops", "bf16", 1, 400e9));
  document.meters = {modelled_meter()};
  document.prices = {hourly_price(0.0824, 0.5)};
  const auto add = [&document](const std::string& phase, std::int64_t kv_heads, RowSpec spec) {
    const bool prefill = phase == "prefill";
    const std::int64_t keys = prefill ? 1024 : 4096;
    const double queries = prefill ? 1024 : 1, pairs = prefill ? 1024 * 1025 / 2.0 : 4096;
    const double of_a_pair = 2 * 8 * (128 + 128), of_a_key = static_cast<double>(kv_heads) * 512;
    spec.case_name = "attention/phase=" + phase + ",q_heads=8" +
                     (kv_heads == 8 ? "" : ",kv_heads=" + std::to_string(kv_heads)) +
                     ",kv_len=" + std::to_string(keys);
    spec.dtype = "bf16";
    spec.cache = prefill ? "warm" : "cold";
    spec.flops = pairs * of_a_pair;
    spec.bytes = static_cast<double>(keys) * of_a_key + queries * 4096;
    spec.seconds *= prefill ? spec.flops / 200e9 : spec.bytes / 20e9;
    Row row = timed_row(spec);
    row.workload = {{"phase", phase},
                    {"q_heads", std::int64_t{8}},
                    {"kv_heads", kv_heads},
                    {"kv_len", keys},
                    {"causal", true},
                    {"soft_cap", 0.0},
                    {"dtype", std::string("bf16")}};
    row.work.tokens = queries;
    row.work.kv_bytes_per_token = of_a_key;
    row.work.full_square_flops = queries * static_cast<double>(keys) * of_a_pair;
    row.energy = energy(row, "modelled", 12, 3);
    document.rows.push_back(std::move(row));
  };
  for (const char* phase : {"prefill", "decode"})
    for (const std::int64_t kv_heads : {8, 2}) {
      add(phase, kv_heads, {.backend = "native", .name = "native", .seconds = 1.1});
      add(phase, kv_heads, {.backend = "unfused", .name = "openblas", .seconds = 3});
    }
  return document;
}

Document guest_run() {
  Document document = machine();
  record::Ceiling unknown{
      "flops", "bf16", 2, Absent{"this processor has AMX and no loop for it"}, Absent{"no value"},
      ""};
  document.devices.front().ceilings.push_back(unknown);
  document.meters = {modelled_meter()};
  document.unavailable_meters = {
      {"perf", "no power PMU in this guest", ""},
      {"powercap", "energy_uj is for root only", "sudo chmod a+r energy_uj"}};
  document.prices = {hourly_price(0.0824, 0.5)};

  const auto add = [&document](Row row, double watts) {
    if (!row.samples.empty()) row.energy = energy(row, "modelled", watts, 3);
    document.rows.push_back(std::move(row));
  };
  add(timed_row({.backend = "naive", .name = "naive", .seconds = 1.1}), 12);
  add(timed_row({.backend = "cblas", .name = "openblas", .seconds = 0.0062}), 12);
  add(timed_row({.backend = "cblas", .name = "openblas", .threads = 2, .seconds = 0.0033}), 23);
  add(timed_row({.variant = "packed-once", .seconds = 0.0060}), 12);
  add(timed_row({.variant = "packed-once", .threads = 2, .seconds = 0.0029}), 23);
  document.rows.push_back(untimed_row({.backend = "cblas", .name = "libcheat", .threads = 2},
                                      "wrong", "c[1023,1023]: got nan, expected -3.25"));
  add(timed_row({.variant = "packed-once",
                 .dtype = "bf16",
                 .output = "f32",
                 .threads = 2,
                 .bytes = 8e6,
                 .seconds = 0.0009,
                 .block = 1}),
      24);
  Row noisy = timed_row({.case_name = "gemm/m=1,n=4096,k=4096",
                         .backend = "cblas",
                         .name = "blis",
                         .cache = "cold",
                         .flops = 33.6e6,
                         .bytes = 67.1e6,
                         .seconds = 0.0041,
                         .block = 2});
  noisy.status = "noisy";
  noisy.reason = "the interval is ±2.4 % after 12 rounds";
  noisy.samples[3].flags = {"steal"};
  noisy.samples[4].flags = {"steal", "busy"};
  add(noisy, 12);
  add(timed_row({.case_name = "gemm/m=1,n=4096,k=4096",
                 .variant = "packed-once",
                 .cache = "cold",
                 .flops = 33.6e6,
                 .bytes = 67.1e6,
                 .seconds = 0.0036,
                 .block = 2}),
      12);
  document.rows.push_back(untimed_row({.case_name = "gemm/m=1,n=4096,k=4096",
                                       .backend = "clblast",
                                       .name = "clblast",
                                       .cache = "cold",
                                       .flops = 33.6e6,
                                       .bytes = 67.1e6,
                                       .block = 2},
                                      "skipped",
                                      "needs 9216 MiB to stay cold, 5400 MiB may be used"));
  return document;
}

}  // namespace ergon::test
