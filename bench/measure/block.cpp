#include "bench/measure/block.h"

#include <algorithm>
#include <cstdio>
#include <new>
#include <random>
#include <string>

#include "bench/base/error.h"
#include "bench/measure/follow.h"
#include "bench/measure/stopping.h"

namespace ergon::measure {
namespace {

using Members = std::vector<std::unique_ptr<Member>>;

constexpr std::uint64_t other_inputs = 0x9E3779B97F4A7C15ULL;

void prepare(const BlockPlan& plan, const Inputs& inputs, Session& session, Members& members) {
  for (const Case& what : plan.cases)
    members.push_back(std::make_unique<Member>(what, inputs, plan.slots, plan.number, session));
}

void verify(Members& members, const Oracle& oracle, std::size_t slots) {
  for (auto& member : members) {
    member->verify(oracle, 0);
    if (slots > 1) member->verify(oracle, slots - 1);
  }
}

std::vector<Member*> usable(const Members& members) {
  std::vector<Member*> out;
  for (const auto& member : members)
    if (member->usable()) out.push_back(member.get());
  return out;
}

void report(const Session& session, int round, double width) {
  if (!session.progress) return;
  const char* of = session.effort.ratio_interval > 0 ? "ratio" : "interval";
  char line[64];
  std::snprintf(line, sizeof line, "round %d, widest %s ±%.1f %%", round, of, 100 * width);
  session.progress(line);
}

// What an implementation throws ends its own row, not the run.
template <class Step>
void attempt(Member& member, const char* doing, Session& session, Step&& step) {
  try {
    step();
  } catch (const std::exception& error) {
    member.fail("failed", std::string(doing) + ": " + error.what());
    session.sink.row_finished(member.row);
  }
}

void check_inside(const std::vector<Member*>& members, const Oracle& oracle, Session& session) {
  for (Member* member : members)
    attempt(*member, "inside a window", session, [&] { member->check_inside_a_window(oracle); });
}

void place_anew(const std::vector<Member*>& measured, const Inputs& inputs, std::size_t slots,
                Session& session) {
  std::vector<Member*> members;
  for (Member* member : measured)
    if (member->usable()) members.push_back(member);
  std::shuffle(members.begin(), members.end(), session.order);
  for (Member* member : members) member->release();
  for (Member* member : members)
    attempt(*member, "preparing again", session, [&] { member->replace(inputs, slots); });
}

struct Rounds {
  std::vector<Member*> measured, ceilings;
  const Inputs& inputs;
  const Oracle& oracle;
  const BlockPlan& plan;
};

void measure_rounds(const Rounds& rounds, double until, Session& session) {
  const auto& [measured, ceilings, inputs, oracle, plan] = rounds;
  if (session.follower) {
    session.follower->serve(
        plan.number, session.blocks_left, rounds.measured,
        {[&] { check_inside(rounds.measured, rounds.oracle, session); },
         [&] { place_anew(rounds.measured, rounds.inputs, rounds.plan.slots, session); }});
    return;
  }
  std::vector<Member*> all = measured;
  all.insert(all.end(), ceilings.begin(), ceilings.end());
  const Effort& effort = session.effort;
  std::uniform_int_distribution<int> any_early_round(1, effort.least_rounds - 1);
  const int checked_round = any_early_round(session.order);
  for (int round = 0;; ++round) {
    run_round(all, session);
    if (round == checked_round) check_inside(measured, oracle, session);
    if (round + 1 < effort.least_rounds) continue;
    const bool compared = effort.ratio_interval > 0;
    const double width = compared ? widest_ratio(measured) : widest_interval(measured);
    report(session, round + 1, width);
    const bool known = width <= (compared ? effort.ratio_interval : effort.interval);
    if (known || session.clock.now_seconds() >= until) return;
    if (compared && (round + 1) % effort.rounds_per_placement == 0)
      place_anew(measured, inputs, plan.slots, session);
  }
}

// Other values behind the same pointers: a result from memory is now wrong.
void verify_with_other_inputs(const Family& family, const Workload& workload, Inputs& inputs,
                              Members& members, Session& session) {
  const auto other = family.inputs(workload, session.seed ^ other_inputs, 1);
  for (const auto& operand : inputs.operands()) {
    const std::byte* from = other->data(operand.name, 0);
    std::copy_n(from, operand.desc.span_bytes(), inputs.data(operand.name, 0));
  }
  const auto oracle = family.oracle(workload, *other);
  for (auto& member : members)
    attempt(*member, "verifying again", session, [&] { member->verify_again(*oracle); });
}

/// The time of a block that is left to rounds: all but what energy needs, and half of it at least.
double rounds_share(const Members& members, double seconds) {
  constexpr double most = 0.95;
  constexpr double least = 0.5;
  constexpr double margin = 1.2;
  double energy = 0;
  for (const auto& member : members) energy += member->energy_seconds();
  return std::clamp(1 - margin * energy / seconds, least, most);
}

/// Each gets an equal part of what is left, and at least so much.
void measure_energy(Members& members, double until, Session& session) {
  constexpr double least_seconds = 2;
  for (std::size_t i = 0; i < members.size(); ++i) {
    const double left = until - session.clock.now_seconds();
    const double share = std::max(least_seconds, left / static_cast<double>(members.size() - i));
    attempt(*members[i], "measuring energy", session, [&] { members[i]->measure_energy(share); });
  }
}

/// What a block's implementations share, and they, who read it.
struct Block {
  std::unique_ptr<Inputs> inputs;
  std::unique_ptr<Oracle> oracle;
  Members members;
};

void measure(const BlockPlan& plan, double seconds, Ceilings& ceilings, Session& session,
             Block& block) {
  const double begun = session.clock.now_seconds();
  const Case& first = plan.cases.front();
  const Family& family = *first.family;
  const Workload& workload = *first.workload;

  block.inputs = family.inputs(workload, session.seed, plan.slots);
  Members& members = block.members;
  prepare(plan, *block.inputs, session, members);
  block.oracle = family.oracle(workload, *block.inputs);
  verify(members, *block.oracle, plan.slots);
  for (auto& member : members) member->warm_up();

  const double rounds_end = begun + rounds_share(members, seconds) * seconds;
  const auto bounds = ceilings.of(plan);
  if (const auto measured = usable(members); !measured.empty())
    measure_rounds({measured, bounds, *block.inputs, *block.oracle, plan}, rounds_end, session);
  for (auto& member : members)
    attempt(*member, "timing its stages", session, [&] { member->time_stages(); });
  measure_energy(members, begun + seconds, session);
  block.oracle.reset();  // one at a time is in the budget
  verify_with_other_inputs(family, workload, *block.inputs, members, session);

  for (auto& member : members) {
    if (!member->usable()) continue;
    session.sink.row_finished(member->row);
  }
}

/// Ends the rows that are not finished; the run goes on.
void give_up(const BlockPlan& plan, const std::string& reason, Block& block, Session& session) {
  for (std::size_t i = 0; i < plan.cases.size(); ++i) {
    if (i < block.members.size()) {
      Member& member = *block.members[i];
      if (!member.usable()) continue;
      member.fail("failed", reason);
      session.sink.row_finished(member.row);
    } else {
      record::Row row = row_of(plan.cases[i], plan.number);
      row.cold = cold_facts(plan.cases[i], plan.slots);
      session.sink.row_started(row);
      row.status = "failed";
      row.reason = reason;
      session.sink.row_finished(row);
    }
  }
}

}  // namespace

void run_round(const std::vector<Member*>& members, Session& session) {
  std::vector<Member*> order;
  for (Member* member : members)
    if (member->usable()) order.push_back(member);
  std::shuffle(order.begin(), order.end(), session.order);
  int position = 0;
  for (Member* member : order) member->sample(session.next_round, position++);
  ++session.next_round;
}

void measure_block(const BlockPlan& plan, double seconds, Ceilings& ceilings, Session& session) {
  Block block;
  try {
    measure(plan, seconds, ceilings, session, block);
  } catch (const UserError&) {
    throw;
  } catch (const std::bad_alloc&) {
    if (session.follower) throw;  // its leader waits for the block
    give_up(plan, "memory ran out for what all its implementations share", block, session);
  } catch (const std::exception& error) {
    if (session.follower) throw;
    give_up(plan, error.what(), block, session);
  }
}

}  // namespace ergon::measure
