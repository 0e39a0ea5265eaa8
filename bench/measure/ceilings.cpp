#include "bench/measure/ceilings.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "kernels/ceilings/ceiling.h"
#include "kernels/devices/memory.h"

namespace ergon::measure {
namespace {

// Ceilings belong to no block: they take part in the rounds of many.
constexpr int no_block = -1;

const Implementation* find_loop(const Registry& registry, const Workload& workload,
                                std::string_view backend, std::string& reason) {
  reason = "no ceiling loop for it in this build";
  for (const auto& candidate : registry.implementations()) {
    const auto& info = candidate->info();
    if (info.kernel != "ceiling" || info.backend != backend) continue;
    if (const auto why = candidate->unavailable()) {
      reason = *why;
    } else if (const auto cannot = candidate->unsupported(workload)) {
      reason = *cannot;
    } else {
      return candidate.get();
    }
  }
  return nullptr;
}

}  // namespace

Ceilings::Ceilings(const Machine& machine, const std::vector<BlockPlan>& blocks,
                   std::size_t memory_bytes, Session& session)
    : session_(session), stream_bytes_(cold_target_bytes(machine.cpu())) {
  std::set<std::tuple<std::string, std::string, int>> needed;
  for (const BlockPlan& block : blocks)
    for (const Case& what : block.cases) {
      if (what.device != &machine.cpu()) continue;
      needed.emplace("flops", what.workload->dtypes().products, what.threads);
      // Memory bounds only what comes from it; a warm suite need not wait for gigabytes to be
      // filled.
      if (!block.cold) continue;
      for (const char* stream : {"read", "copy", "triad"}) needed.emplace(stream, "", what.threads);
    }
  // Cold rows are judged by the read ceiling, so it matters more than copy and triad.
  const bool all_streams = 4 * stream_bytes_ <= memory_bytes;
  for (const auto& [what, dtype, threads] : needed) {
    const bool fits =
        what == "flops" || all_streams || (what == "read" && stream_bytes_ <= memory_bytes);
    if (fits)
      add(machine, what, dtype, threads);
    else
      entries_.push_back(
          {what, dtype, threads, "too little memory to stream past the cache", {}, {}, {}, {}});
  }
}

void Ceilings::add(const Machine& machine, const std::string& what, const std::string& dtype,
                   int threads) {
  // What the machine can do must not hang on where its small pages happen to lie: reading 4 KiB
  // pages reached 24 to 30 GB/s from one process to the next where huge ones always gave 34.
  const PagePolicyScope pages(PagePolicy::huge);
  Entry entry{what, dtype, threads, {}, {}, {}, {}, {}};
  const Family* family = machine.registry.family("ceiling");
  std::string reason;
  const auto backend = what == "flops" ? best_flops_backend(dtype_from_name(dtype).value(), reason)
                                       : best_bandwidth_backend();
  FieldMap fields{{"what", what}};
  if (what == "flops" && backend) {
    fields["dtype"] = dtype;
    fields["flops"] = ceiling_flops(dtype_from_name(dtype).value(), threads);
  } else {
    fields["bytes"] = static_cast<std::int64_t>(stream_bytes_);
  }

  const Implementation* loop = nullptr;
  if (backend && family) {
    entry.workload = family->make(fields);
    loop = find_loop(machine.registry, *entry.workload, *backend, reason);
  }
  if (!loop) {
    entry.reason = reason;
    entries_.push_back(std::move(entry));
    return;
  }
  // The streams of all thread counts read the same memory.
  Entry* same = nullptr;
  for (Entry& other : entries_)
    if (what != "flops" && other.what == what && other.inputs) same = &other;
  if (!same) entry.inputs = family->inputs(*entry.workload, session_.seed, 1);
  const Inputs& inputs = same ? *same->inputs : *entry.inputs;
  entry.oracle = family->oracle(*entry.workload, inputs);
  Case what_case;
  what_case.family = family;
  what_case.workload = entry.workload;
  what_case.implementation = loop;
  what_case.device = &machine.cpu();
  what_case.threads = threads;
  entry.member = std::make_unique<Member>(what_case, inputs, 1, no_block, session_);
  entry.member->verify(*entry.oracle, 0);
  entry.member->warm_up();
  entries_.push_back(std::move(entry));
}

Ceilings::Entry* Ceilings::find(const std::string& what, const std::string& dtype, int threads) {
  for (Entry& entry : entries_)
    if (entry.what == what && entry.dtype == dtype && entry.threads == threads) return &entry;
  return nullptr;
}

std::vector<Member*> Ceilings::of(const BlockPlan& block) {
  std::vector<Member*> members;
  const auto take = [&members](Entry* entry) {
    if (!entry || !entry->member) return;
    Member* member = entry->member.get();
    if (std::find(members.begin(), members.end(), member) == members.end())
      members.push_back(member);
  };
  for (const Case& what : block.cases) {
    take(find("flops", std::string(what.workload->dtypes().products), what.threads));
    if (block.cold) take(find("read", "", what.threads));
  }
  return members;
}

void Ceilings::opening_rounds(int rounds) {
  std::vector<Member*> all;
  for (Entry& entry : entries_)
    if (entry.member) all.push_back(entry.member.get());
  for (int i = 0; i < rounds && !all.empty(); ++i) run_round(all, session_);
}

void Ceilings::conclude() {
  for (Entry& entry : entries_) {
    if (!entry.member || !entry.member->usable()) continue;
    entry.member->verify_again(*entry.oracle);
    if (!entry.member->usable()) continue;
    entry.member->row.energy = Absent{"a ceiling: only its speed is measured"};
    session_.sink.row_finished(entry.member->row);
  }
}

std::vector<record::Ceiling> Ceilings::list() const {
  std::vector<record::Ceiling> out;
  for (const Entry& entry : entries_) {
    record::Ceiling ceiling;
    ceiling.what = entry.what == "flops" ? "flops" : "bandwidth_" + entry.what;
    ceiling.dtype = entry.dtype;
    ceiling.threads = entry.threads;
    ceiling.value_per_second = Absent{entry.reason.empty() ? "its loop failed" : entry.reason};
    ceiling.interval95 = Absent{"no value"};
    ceiling.method = entry.member ? entry.member->row.implementation.backend +
                                        " loop on huge pages, row " + entry.member->key
                                  : "none";
    out.push_back(std::move(ceiling));
  }
  return out;
}

}  // namespace ergon::measure
