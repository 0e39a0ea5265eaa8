#include "bench/measure/case.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <set>

#include "bench/measure/absent_backend.h"
#include "bench/measure/filter.h"
#include "kernels/devices/cpu.h"

namespace ergon::measure {
namespace {

using config::SuiteCase;
using config::SuiteEntry;

constexpr std::size_t assumed_last_level_bytes = std::size_t{256} << 20;
constexpr double memory_share = 0.7;

std::string known_families(const Registry& registry) {
  std::string out;
  for (const Family* family : registry.families())
    if (family->name() != "ceiling") out += (out.empty() ? "" : ", ") + std::string(family->name());
  return out;
}

std::shared_ptr<const Workload> make_workload(const Family& family, const SuiteEntry& entry,
                                              const SuiteCase& fields) {
  FieldMap map;
  for (const auto& [name, value] : fields) map.emplace(name, value.value);
  try {
    return family.make(map);
  } catch (const InvalidField& error) {
    Where where = entry.where(error.field);
    if (const auto found = fields.find(error.field); found != fields.end())
      where.line = found->second.line;
    throw UserError(where, error.what());
  }
}

// What a suite that names no backend gets: everything that is meant to be fast on the CPU.
bool by_default(const ImplementationInfo& info) {
  return info.backend != "reference" && info.device_kind == "cpu";
}

std::vector<const Implementation*> pick(const Machine& machine, const SuiteEntry& entry,
                                        const std::vector<std::string>& selectors,
                                        const Where& where) {
  std::vector<const Implementation*> out;
  for (const auto& candidate : machine.registry.implementations())
    if (candidate->info().kernel == entry.kernel && selectors.empty() &&
        by_default(candidate->info()))
      out.push_back(candidate.get());
  for (const std::string& selector : selectors) {
    bool known = false;
    const auto take = [&](const Implementation& candidate) {
      known = true;
      if (std::find(out.begin(), out.end(), &candidate) == out.end()) out.push_back(&candidate);
    };
    for (const auto& candidate : machine.registry.implementations())
      if (candidate->info().kernel == entry.kernel && matches(selector, candidate->info()))
        take(*candidate);
    // Which names and variants one that is not in this build has, nothing tells.
    for (const auto& candidate : machine.absent)
      if (candidate->info().kernel == entry.kernel &&
          selector.substr(0, selector.find(':')) == candidate->info().backend)
        take(*candidate);
    if (!known)
      throw UserError(where, "no implementation of " + entry.kernel + " is called '" + selector +
                                 "'; `ergon list --implementations` shows all");
  }
  return out;
}

std::vector<Device*> devices_for(const Machine& machine, const std::string& kind) {
  std::vector<Device*> out;
  for (const auto& device : machine.devices)
    if (device->info().id == kind || device->info().id.rfind(kind + ":", 0) == 0)
      out.push_back(device.get());
  return out;
}

std::string missing_device(const Machine& machine, const std::string& kind) {
  for (const auto& [api, reason] : machine.missing_devices)
    if (api == kind) return reason;
  return "no " + kind + " device here";
}

std::optional<int> parse_threads(const std::string& text) {
  if (text == "all") return std::nullopt;
  int value = 0;
  std::size_t used = 0;
  try {
    value = std::stoi(text, &used);
  } catch (const std::exception&) {
    used = 0;
  }
  if (used != text.size() || value < 1)
    throw UserError({"command line", 0, "--threads"},
                    "'" + text + "' is neither a number from 1 nor \"all\"");
  return value;
}

std::vector<std::optional<int>> wanted_threads(const SuiteEntry& entry,
                                               const CaseOptions& options) {
  if (options.threads.empty())
    return entry.threads.empty() ? std::vector<std::optional<int>>{std::nullopt} : entry.threads;
  std::vector<std::optional<int>> out;
  for (const std::string& text : options.threads) out.push_back(parse_threads(text));
  return out;
}

std::vector<int> threads_on(const Device& device, const std::vector<std::optional<int>>& wanted) {
  std::vector<int> out;
  if (device.info().id != "cpu") return {1};
  for (const auto& count : wanted) {
    const int threads = count.value_or(device.info().max_threads);
    if (std::find(out.begin(), out.end(), threads) == out.end()) out.push_back(threads);
  }
  return out;
}

std::vector<bool> wanted_cache(const SuiteEntry& entry, const CaseOptions& options,
                               const Workload& workload) {
  std::vector<std::string> words = entry.caches;
  if (options.cache == "both")
    words = {"warm", "cold"};
  else if (options.cache)
    words = {*options.cache};
  if (words.empty()) words = {"auto"};
  std::vector<bool> out;
  for (const std::string& word : words) {
    const bool cold = word == "cold" || (word == "auto" && workload.streams_weights());
    if (std::find(out.begin(), out.end(), cold) == out.end()) out.push_back(cold);
  }
  return out;
}

std::optional<std::string> cannot_run(const Implementation& implementation,
                                      const Workload& workload, const Device& device, int threads) {
  if (const auto why = implementation.unavailable()) return why;
  if (threads > device.info().max_threads)
    return std::to_string(threads) + " threads wanted, " +
           std::to_string(device.info().max_threads) + " processors allowed";
  if (threads > implementation.max_threads())
    return std::to_string(threads) + " threads wanted, " +
           std::to_string(implementation.max_threads()) + " are the most it can be told to use";
  return implementation.unsupported(workload);
}

void add_cases(std::vector<Case>& out, const Machine& machine, const SuiteEntry& entry,
               const Family& family, const CaseOptions& options) {
  const auto selectors = options.backends.empty() ? entry.backends : options.backends;
  const Where where =
      options.backends.empty() ? entry.where("backend") : Where{"command line", 0, "--backend"};
  const auto implementations = pick(machine, entry, selectors, where);
  for (const SuiteCase& fields : config::expand(entry)) {
    const auto workload = make_workload(family, entry, fields);
    for (const bool cold : wanted_cache(entry, options, *workload))
      for (const Implementation* implementation : implementations) {
        const std::string& kind = implementation->info().device_kind;
        const auto devices = devices_for(machine, kind);
        Case what;
        what.family = &family;
        what.workload = workload;
        what.implementation = implementation;
        what.cold = cold;
        if (devices.empty()) {
          what.skip = implementation->unavailable().value_or(missing_device(machine, kind));
          out.push_back(what);
        }
        for (Device* device : devices)
          for (const int threads : threads_on(*device, wanted_threads(entry, options))) {
            what.device = device;
            what.threads = threads;
            what.skip = cannot_run(*implementation, *workload, *device, threads);
            out.push_back(what);
          }
      }
  }
}

std::string workload_key(const Case& what) {
  return what.workload->name() + "/" + dtype_name(*what.workload) + (what.cold ? "/cold" : "/warm");
}

/// Rounded up.
std::string megabytes(std::size_t bytes) {
  constexpr std::size_t unit = std::size_t{1} << 20;
  return std::to_string(bytes / unit + (bytes % unit ? 1 : 0)) + " MiB";
}

std::size_t sum(std::size_t a, std::size_t b) {
  std::size_t out = 0;
  return __builtin_add_overflow(a, b, &out) ? std::numeric_limits<std::size_t>::max() : out;
}

std::size_t product(std::size_t a, std::size_t b) {
  std::size_t out = 0;
  return __builtin_mul_overflow(a, b, &out) ? std::numeric_limits<std::size_t>::max() : out;
}

}  // namespace

std::string dtype_name(const Workload& workload) {
  for (const Field& field : workload.fields())
    if (field.name == "dtype") return std::get<std::string>(field.value);
  return std::string(workload.dtypes().weights);
}

std::string Case::implementation_name() const {
  const auto& info = implementation->info();
  std::string out = info.backend;
  if (info.name != info.backend || !info.variant.empty()) out += ":" + info.name;
  if (!info.variant.empty()) out += ":" + info.variant;
  return out;
}

std::string Case::name() const {
  return workload->name() + "/" + dtype_name(*workload) + "/" + implementation_name() + "/" +
         (device ? device->info().id : implementation->info().device_kind) +
         "/threads:" + std::to_string(threads) + (cold ? "/cold" : "/warm");
}

Machine::Machine(const RegistryOptions& options) : registry(options), absent(absent_backends()) {
  for (const DeviceEntry& entry : device_entries()) {
    std::string reason;
    auto found = entry.find(reason);
    if (found.empty()) missing_devices.emplace_back(entry.api, reason);
    for (auto& device : found) devices.push_back(std::move(device));
  }
}

Device& Machine::cpu() const {
  for (const auto& device : devices)
    if (device->info().id == "cpu") return *device;
  throw UserError("this build has no cpu device");
}

std::vector<Case> make_cases(const config::Suite& suite, const Machine& machine,
                             const CaseOptions& options) {
  const Filter filter(options.filter);
  std::vector<Case> all;
  for (const SuiteEntry& entry : suite.entries) {
    const Family* family = machine.registry.family(entry.kernel);
    if (!family)
      throw UserError(entry.where(), "there is no kernel '" + entry.kernel +
                                         "'; known: " + known_families(machine.registry));
    add_cases(all, machine, entry, *family, options);
  }
  std::vector<Case> out;
  std::set<std::string> seen;
  for (Case& what : all) {
    const std::string name = what.name();
    if (!filter.finds(name)) continue;
    if (seen.insert(name).second) out.push_back(std::move(what));
  }
  if (out.empty()) throw UserError({suite.file, 0, ""}, "no case is left after filtering");
  return out;
}

std::size_t cold_target_bytes(const Device& device) {
  return 3 * device.info().last_level_cache_bytes.value_or(assumed_last_level_bytes);
}

std::size_t cold_slots(const Workload& workload, const Device& device) {
  const double bytes = std::max(1.0, workload.distinct_bytes());
  return static_cast<std::size_t>(static_cast<double>(cold_target_bytes(device)) / bytes) + 2;
}

std::size_t usable_memory_bytes() {
  const char* proc = std::getenv("ERGON_PROC");
  std::ifstream file(std::string(proc ? proc : "/proc") + "/meminfo");
  for (std::string key, rest; file >> key && std::getline(file, rest);)
    if (key == "MemAvailable:")
      return static_cast<std::size_t>(memory_share * 1024 *
                                      static_cast<double>(std::atoll(rest.c_str())));
  return std::size_t{1} << 30;
}

std::size_t block_memory_bytes() { return usable_memory_bytes() / 2; }

std::size_t CaseBytes::all() const noexcept { return sum(own, shared); }

CaseBytes case_bytes(const Case& what, std::size_t slots) {
  const Footprint own =
      what.implementation->footprint(*what.workload, {what.device, what.threads, slots});
  return {sum(own.once, product(slots, own.per_slot)),
          sum(product(slots, slot_bytes(what.family->operands(*what.workload))),
              what.family->oracle_bytes(*what.workload))};
}

std::string too_large(std::size_t needed, bool cold, std::size_t memory_bytes) {
  return "needs " + megabytes(needed) + (cold ? " to stay cold" : "") + ", " +
         megabytes(memory_bytes) + " may be used";
}

std::vector<BlockPlan> make_blocks(std::vector<Case>& cases, std::size_t memory_bytes) {
  std::vector<BlockPlan> blocks;
  std::vector<std::string> keys;  // of the last block of each workload, beside `blocks`
  for (Case& what : cases) {
    if (what.skip) continue;
    const std::size_t slots = what.cold ? cold_slots(*what.workload, *what.device) : 1;
    const CaseBytes bytes = case_bytes(what, slots);
    if (bytes.all() > memory_bytes) {
      what.skip = too_large(bytes.all(), what.cold, memory_bytes);
      continue;
    }
    const std::string key = workload_key(what);
    std::size_t at = blocks.size();
    for (std::size_t i = 0; i < blocks.size(); ++i)
      if (keys[i] == key && blocks[i].slots == slots && blocks[i].bytes + bytes.own <= memory_bytes)
        at = i;
    if (at == blocks.size()) {
      blocks.push_back({static_cast<int>(at), {}, what.cold, slots, bytes.shared});
      keys.push_back(key);
    }
    blocks[at].cases.push_back(what);
    blocks[at].bytes += bytes.own;
  }
  return blocks;
}

}  // namespace ergon::measure
