// The machine's limits as members of every block: a register-only multiply-add loop for the dtype
// and, past the last-level cache, the stream of memory that moves as the case does, per thread
// count. They share rounds with the cases they bound, so a slow minute of the machine lowers both
// alike. Of cold suites, read, copy and triad are measured in the opening rounds, whatever they
// bound.
//
// Where a detected unit has no loop, or the arrays do not fit into memory, the ceiling is absent
// with the reason, not another unit's.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bench/measure/member.h"

namespace ergon::measure {

class Ceilings {
 public:
  /// Prepares and verifies the loops that the blocks need; CPU only. Together they allocate at most
  /// `memory_bytes`.
  Ceilings(const Machine& machine, const std::vector<BlockPlan>& blocks, std::size_t memory_bytes,
           Session& session);
  /// The loops that bound this block's cases.
  std::vector<Member*> of(const BlockPlan& block);
  /// Rounds of every ceiling alone, before the first block.
  void opening_rounds(int rounds);
  /// Verifies again, concludes the rows and gives them to the sink.
  void conclude();
  /// What was measured, or why not; `conclude` takes the values from the rows.
  std::vector<record::Ceiling> list() const;

 private:
  struct Entry {
    std::string what, dtype;
    int threads = 1;
    std::string reason;  // why there is no loop; empty where there is
    std::shared_ptr<const Workload> workload;
    std::unique_ptr<Inputs> inputs;
    std::unique_ptr<Oracle> oracle;
    std::unique_ptr<Member> member;
  };
  void add(const Machine& machine, const std::string& what, const std::string& dtype, int threads);
  /// Inputs that hold the operands of this stream already; nullptr where none do.
  const Inputs* shared(const Case& what) const;
  /// Takes what the loop allocates from the memory that is left, or says why it cannot.
  std::string claim(const Case& what);
  Entry* find(const std::string& what, const std::string& dtype, int threads);
  Session& session_;
  std::size_t stream_bytes_, memory_left_;
  std::vector<Entry> entries_;
};

/// One round: a window of each usable member, in shuffled order.
void run_round(const std::vector<Member*>& members, Session& session);

}  // namespace ergon::measure
