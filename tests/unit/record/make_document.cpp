#include "make_document.h"

#include <algorithm>
#include <numeric>

#include "bench/base/sha256.h"
#include "bench/record/status.h"

namespace ergon::record {
namespace {

Row make_row(const std::string& backend) {
  Row row;
  row.case_name = "gemm/m=64,n=32,k=16";
  row.kernel = "gemm";
  row.workload = {{"m", std::int64_t{64}},
                  {"n", std::int64_t{32}},
                  {"k", std::int64_t{16}},
                  {"alpha", 1.0},
                  {"layout", std::string("row")}};
  row.implementation = {backend, backend, "", "a detail"};
  row.dtype = {"f32", "f32", "f32", "f32"};
  row.device = "cpu";
  row.threads = 2;
  row.cache = "cold";
  row.cold = Row::Cold{1'000'000, std::int64_t{300'000}};
  row.work.flops = 65536;
  row.work.bytes = 14336;
  row.accuracy = Accuracy{"float64, all elements", 1e-6, 1e-7, 1e-5, 2048, {}, true};
  row.inputs = {"normal(0, 1)", 18446744073709551615U, 7.5};
  row.stages = {{"matmul", true, 65536, 14336, Absent{"the only stage of a call"}}};
  return row;
}

Row make_ceiling(const std::string& what, double flops, double bytes) {
  Row row = make_row("avx2");
  row.case_name = "ceiling/what=" + what;
  row.kernel = "ceiling";
  row.workload = {{"what", what}};
  row.cache = "warm";
  row.cold.reset();
  row.block = -1;
  row.work.flops = flops;
  row.work.bytes = bytes;
  row.energy = Absent{"a ceiling: only its speed is measured"};
  return row;
}

struct Timeline {
  double now = 0.5;
  int round = 0;
};

constexpr std::array seconds_per_call = {1e-6, 2e-6, 1e-6, 1e-6};

void measure_round(Document& document, std::vector<std::size_t> rows, Timeline& timeline) {
  std::rotate(rows.begin(), rows.begin() + timeline.round % static_cast<int>(rows.size()),
              rows.end());
  for (std::size_t position = 0; position < rows.size(); ++position) {
    TimeSample sample;
    sample.start_seconds = timeline.now;
    sample.round = timeline.round;
    sample.position = static_cast<int>(position);
    sample.calls = 1000;
    const double wobble = 1 + 0.0005 * ((timeline.round * 7 + static_cast<int>(position)) % 5);
    sample.seconds = 1000 * seconds_per_call[rows[position]] * wobble;
    if (timeline.round == 7) sample.flags = {"steal"};
    sample.steal_seconds = 0.0;
    sample.involuntary_switches = std::int64_t{2};
    sample.busy_seconds = Absent{"/proc/stat does not say"};
    document.rows[rows[position]].samples.push_back(sample);
    timeline.now += sample.seconds + 1e-3;
  }
  ++timeline.round;
}

void measure_energy(Row& row, Timeline& timeline) {
  Energy package{"powercap", {}}, core{"perf", {}};
  for (int i = 0; i < 3; ++i) {
    EnergySample sample;
    sample.start_seconds = timeline.now;
    sample.seconds = 0.25;
    sample.calls = 250'000;
    sample.joules = 12.5;
    sample.error_joules = 0.1;
    sample.idle_watts = 20.0;
    package.samples.push_back(sample);
    sample.joules = 7.5;
    core.samples.push_back(sample);
    timeline.now += 0.3;
  }
  row.energy = package;
  row.extra_meters = {core};
}

Meter make_meter(const std::string& id, const std::string& scope, bool primary) {
  Meter meter;
  meter.id = id;
  if (primary) meter.part = "processor";
  meter.scope = scope;
  meter.provenance = "counter";
  meter.relative_uncertainty = 0.02;
  meter.quantum_joules = 6.1e-5;
  meter.period_seconds = 1e-3;
  meter.read_seconds = 1e-6;
  meter.jitter_seconds = 5e-5;
  meter.averaging_seconds = 0.025;
  meter.lag_seconds = 0.001;
  if (primary)
    meter.characterised = Maybe<std::string>("2026-01-31T11:00:00Z");
  else
    meter.characterised = Maybe<std::string>(Absent{"its period is long"});
  meter.shortest_window_seconds = 0.1;
  meter.idle_watts = Meter::Idle{20, {19.5, 20.5}};
  meter.primary = primary;
  return meter;
}

Run make_run() {
  Run run;
  run.id = "2026-01-31T12:00:00Z-1";
  run.started_utc = "2026-01-31T12:00:00Z";
  run.finished_utc = std::string("2026-01-31T12:01:00Z");
  run.complete = true;
  run.command = {"ergon", "run", "--filter", ""};
  run.suite = {"mine", "name = \"mine\"\n", sha256_hex("name = \"mine\"\n")};
  run.seed = 18446744073709551615U;
  run.ergon = {"0.1.0", "0123456789ab", "Release", "GNU 12.2.0", "-O3"};
  run.other_build = {
      "new", {"other/ergon", "run"}, {"0.2.0", "", "", "", ""}, {{"blas", "1", "", ""}}};
  return run;
}

Host make_host() {
  Host host;
  host.cpu.model = "A \"processor\"";
  host.cpu.vendor = "GenuineIntel";
  host.cpu.family = "6/143/8";
  host.cpu.cores_used = host.cpu.cores = host.cpu.threads = 2;
  host.cpu.sockets = host.cpu.numa_nodes = 1;
  host.cpu.isa = {"avx2", "fma"};
  host.cpu.caches = {{1, 49152, 1, {}}, {3, 300'000, 2, 4}};
  host.memory_bytes = 8'000'000'000;
  host.os = "Debian GNU/Linux 12";
  host.kernel = "6.1.0";
  host.virtualised = std::string("kvm");
  host.container = std::string("none");
  host.governor = Absent{"no cpufreq"};
  host.smt = false;
  host.binding = {"close", {0, 1}};
  host.pages = {"madvise", "system", 64};
  host.variables = {{"OMP_PROC_BIND", "close"}, {"DNNL_VERBOSE", ""}};
  host.libraries = {{"OpenBLAS", "0.3.21", "/usr/lib/libopenblas.so", "SkylakeX"}};
  return host;
}

Price make_price() {
  Price price;
  price.id = "declared";
  price.basis = "rent";
  price.usd_per_hour = 0.1;
  price.source = "--usd-per-hour";
  price.as_of = "2026-01-31";
  return price;
}

}  // namespace

void set_ceilings(Document& document) {
  auto& ceilings = document.devices[0].ceilings;
  ceilings.clear();
  for (const std::size_t index : {peak_row, read_row}) {
    const Row& row = document.rows[index];
    const bool flops = index == peak_row;
    const double work = flops ? row.work.flops : row.work.bytes;
    ceilings.push_back({flops ? "flops" : "bandwidth_read", flops ? "f32" : "", 2,
                        work / *row.median,
                        Interval{work / row.interval95->high, work / row.interval95->low},
                        "samples are in the row " + key(row)});
  }
}

Document make_document(int rounds) {
  Document document;
  document.run = make_run();
  document.host = make_host();
  document.devices = {{"cpu", "cpu", "A \"processor\"", "", 8'000'000'000, {}}};
  document.meters = {make_meter("powercap", "package", true), make_meter("perf", "core", false)};
  document.unavailable_meters = {{"psys", "no such zone", ""},
                                 {"board", "permission denied", "sudo chmod a+r /dev/board"}};
  document.prices = {make_price()};
  document.rows = {make_row("onednn"), make_row("naive"), make_ceiling("flops", 100'000, 0),
                   make_ceiling("read", 0, 20'000), make_row("clblast")};
  Row& skipped = document.rows[skipped_row];
  skipped.status = "skipped";
  skipped.reason = "needs 80 GB; 8 GB are free";
  skipped.accuracy = Absent{"skipped"};
  skipped.energy = Absent{"skipped"};
  skipped.inputs = {};
  skipped.block = -1;

  Timeline timeline;
  for (int i = 0; i < 6; ++i) measure_round(document, {peak_row, read_row}, timeline);
  for (int i = 0; i < rounds; ++i)
    measure_round(document, {fast_row, slow_row, peak_row, read_row}, timeline);
  document.run.launch_starts = {{0, document.run.started_utc.substr(0, 19) + ".250Z"}};
  document.run.beacons = {{0, 0.125, 0.25, false}};
  for (const std::size_t row : {fast_row, slow_row}) measure_energy(document.rows[row], timeline);
  settle(document);
  set_ceilings(document);
  settle(document);
  return document;
}

Document make_quantized_document() {
  Document document = make_document();
  Row& row = document.rows[fast_row];
  row.dtype.weights = "s4";
  row.dtype.products = "f32";
  row.work.tokens = 64;
  row.work.bits_per_weight = 4.5;
  row.work.kv_bytes_per_token = 4096;
  row.work.full_square_flops = 2 * row.work.flops;
  row.cold->ceiling = Maybe<std::string>(Absent{"part of its bytes are read and written in place"});
  document.rows[slow_row].cold->ceiling = Maybe<std::string>("bandwidth_read");
  Accuracy accuracy = *row.accuracy;
  accuracy.quantization_rel_l2 = 0.0625;
  row.accuracy = accuracy;
  return document;
}

}  // namespace ergon::record
