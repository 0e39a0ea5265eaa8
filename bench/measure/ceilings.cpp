#include "bench/measure/ceilings.h"

#include <algorithm>
#include <array>
#include <new>
#include <set>
#include <span>
#include <tuple>

#include "bench/record/lookup.h"
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

// In the order in which they are given memory: what may bound a row, then what describes the
// machine.
constexpr std::array<std::string_view, 5> kinds = {"flops", "read", "update", "copy", "triad"};

using Needed = std::tuple<std::size_t, std::string, int>;  // kind, dtype of flops, threads

std::set<Needed> needed_by(const std::vector<BlockPlan>& blocks, const Device& cpu) {
  std::set<Needed> all;
  const auto need = [&](std::string_view what, std::string_view dtype, int threads) {
    const auto* kind = std::find(kinds.begin(), kinds.end(), what);
    all.emplace(static_cast<std::size_t>(kind - kinds.begin()), dtype, threads);
  };
  for (const BlockPlan& block : blocks)
    for (const Case& what : block.cases) {
      if (what.device != &cpu) continue;
      need("flops", what.workload->dtypes().products, what.threads);
      // Memory bounds only what comes from it; a warm suite need not wait for gigabytes to be
      // filled.
      if (!block.cold) continue;
      for (const char* stream : {"read", "copy", "triad"}) need(stream, "", what.threads);
      if (const auto stream = what.workload->memory_stream()) need(*stream, "", what.threads);
    }
  return all;
}

bool same_operands(const std::vector<NamedDesc>& a, std::span<const NamedDesc> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& one, const auto& other) {
    return one.name == other.name && one.desc.dtype == other.desc.dtype &&
           one.desc.sizes == other.desc.sizes;
  });
}

}  // namespace

Ceilings::Ceilings(const Machine& machine, const std::vector<BlockPlan>& blocks,
                   std::size_t memory_bytes, Session& session)
    : session_(session),
      stream_bytes_(cold_target_bytes(machine.cpu())),
      memory_left_(memory_bytes) {
  for (const auto& [kind, dtype, threads] : needed_by(blocks, machine.cpu()))
    add(machine, std::string(kinds.at(kind)), dtype, threads);
}

// The streams of all thread counts read the same memory, and update starts from what is read.
const Inputs* Ceilings::shared(const Case& what) const {
  if (what.workload->work().bytes == 0) return nullptr;  // factors differ from type to type
  const auto wanted = what.family->operands(*what.workload);
  for (const Entry& other : entries_)
    if (other.inputs && other.dtype.empty() && same_operands(wanted, other.inputs->operands()))
      return other.inputs.get();
  return nullptr;
}

std::string Ceilings::claim(const Case& what) {
  CaseBytes bytes = case_bytes(what, 1);
  if (shared(what)) bytes.shared = 0;
  if (bytes.all() > memory_left_) return too_large(bytes.all(), false, memory_left_);
  memory_left_ -= bytes.all();
  return {};
}

void Ceilings::add(const Machine& machine, const std::string& what, const std::string& dtype,
                   int threads) {
  // What the machine can do must not hang on where its small pages happen to lie: reading 4 KiB
  // pages reached 24 to 30 GB/s from one process to the next where huge ones always gave 34.
  const PagePolicyScope pages(PagePolicy::huge);
  Entry& entry = entries_.emplace_back();
  entry.what = what;
  entry.dtype = dtype;
  entry.threads = threads;
  const Family* family = machine.registry.family("ceiling");
  const auto backend = what == "flops"
                           ? best_flops_backend(dtype_from_name(dtype).value(), entry.reason)
                           : best_bandwidth_backend();
  if (!backend || !family) return;
  FieldMap fields{{"what", what}};
  if (what == "flops") {
    fields["dtype"] = dtype;
    fields["flops"] = ceiling_flops(dtype_from_name(dtype).value(), threads);
  } else {
    fields["bytes"] = static_cast<std::int64_t>(stream_bytes_);
  }

  Case loop;
  loop.family = family;
  loop.workload = entry.workload = family->make(fields);
  loop.implementation = find_loop(machine.registry, *entry.workload, *backend, entry.reason);
  loop.device = &machine.cpu();
  loop.threads = threads;
  if (!loop.implementation) return;
  entry.reason = claim(loop);
  if (!entry.reason.empty()) return;
  try {
    const Inputs* inputs = shared(loop);
    if (!inputs) {
      entry.inputs = family->inputs(*entry.workload, session_.seed, 1);
      inputs = entry.inputs.get();
    }
    entry.oracle = family->oracle(*entry.workload, *inputs);
    entry.member = std::make_unique<Member>(loop, *inputs, 1, no_block, session_);
  } catch (const std::bad_alloc&) {
    entry.reason = "memory ran out for its arrays";
    return;
  }
  entry.member->verify(*entry.oracle, 0);
  entry.member->warm_up();
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
    const auto stream = what.workload->memory_stream();
    if (block.cold && stream) take(find(std::string(*stream), "", what.threads));
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
    ceiling.what = record::ceiling_name(entry.what);
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
