// The machine's limits as members of every block: a register-only multiply-add loop for the dtype
// and a read past the last-level cache, per thread count. They share rounds with the cases they
// bound, so a slow minute of the machine lowers both alike. Copy and triad are measured in the
// opening rounds.
//
// Where a detected unit has no loop, the ceiling is absent with the reason, not another unit's.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bench/measure/member.h"

namespace ergon::measure {

class Ceilings {
 public:
  /// Prepares and verifies the loops that the blocks need; CPU only.
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
  Entry* find(const std::string& what, const std::string& dtype, int threads);
  Session& session_;
  std::size_t stream_bytes_;
  std::vector<Entry> entries_;
};

/// One round: a window of each usable member, in shuffled order.
void run_round(const std::vector<Member*>& members, Session& session);

}  // namespace ergon::measure
