// Documents made by hand, for the tests of reports and comparisons. Times are exact functions of
// the round, so expected figures can be computed on paper.
#pragma once

#include <string>
#include <vector>

#include "bench/record/document.h"

namespace ergon::test {

struct RowSpec {
  std::string case_name = "gemm/m=1024,n=1024,k=1024";
  std::string backend = "onednn", name = "onednn", variant = {};
  std::string dtype = "f32";
  std::string output = {};  // dtype's where empty
  int threads = 1;
  std::string cache = "warm";
  double flops = 2e9, bytes = 12e6;
  double seconds = 0.01;  // per call, the median
  int block = 0, rounds = 12, launch = 0;
};

/// Round r takes seconds * (1 + 0.001 * j), j running from -k to k over the rounds, the same for
/// all rows: drift that ratios within rounds do not see. Median and interval are those of the
/// samples.
record::Row timed_row(const RowSpec& spec);
/// A row that was never timed.
record::Row untimed_row(const RowSpec& spec, const std::string& status, const std::string& reason);
/// Sets the median and interval that the samples give.
void summarise(record::Row& row);
/// Further rounds by another process: `factor` of the row's times.
void add_launch(record::Row& row, int launch, double factor);

/// Energy windows of 100 calls of `row`, together at `watts`, each within 1 % of it.
record::Energy energy(const record::Row& row, const std::string& meter, double watts,
                      int windows = 1);
record::Meter counter_meter();   // "perf", package, 2 %
record::Meter board_meter();     // "nvml:0", of an accelerator
record::Meter modelled_meter();  // "modelled", wall, 30 %
record::Price hourly_price(double usd_per_hour, double share = 1);

/// A machine with f32 ceilings for 1 and 2 threads and no rows, meters or prices.
record::Document machine();
/// Of a timed row: a call takes `tokens` one step, with weights ("s4") of `bits`, multiplied as s8;
/// the output's errors are 1.25 % for quantization and 3e-7 for the kernel.
void quantize(record::Row& row, double tokens, const std::string& weights, double bits);
/// Two formats of a stream of weights, one of dense work, and a plain gemm beside them.
record::Document quantized_run();
/// Causal prefill, then decoding, of 8 heads of queries over 8 and 2 of keys; products of bf16.
record::Document attention_run();
/// A run as on a cloud guest: modelled energy, a price, cold and warm, every status.
record::Document guest_run();

}  // namespace ergon::test
