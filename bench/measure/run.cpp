#include "bench/measure/run.h"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <random>
#include <set>

#include "bench/base/error.h"
#include "bench/base/utc.h"
#include "bench/measure/block.h"
#include "bench/measure/characterised.h"
#include "bench/measure/conclude.h"
#include "bench/measure/follow.h"
#include "bench/measure/host.h"
#include "bench/measure/meter_choice.h"
#include "bench/measure/progress.h"
#include "bench/meters/cpu_load.h"
#include "bench/meters/log_to_come.h"
#include "bench/record/journal.h"
#include "kernels/devices/cpu.h"

namespace ergon::measure {
namespace {

constexpr double default_budget_seconds = 240;
constexpr int opening_rounds = 6;
constexpr double least_block_seconds = 1;
/// Power settles within a fraction of it.
constexpr double least_beacon_seconds = 0.25;

class JournalSink final : public Sink {
 public:
  explicit JournalSink(record::Journal& journal) : journal_(journal) {}
  void row_started(const record::Row& row) override { journal_.row_started(row); }
  void time_sample(const std::string& key, const record::TimeSample& sample) override {
    journal_.time_sample(key, sample);
  }
  void energy_sample(const std::string& key, const std::string& meter,
                     const record::EnergySample& sample) override {
    journal_.energy_sample(key, meter, sample);
  }
  void beacon(const record::Beacon& beacon) override { journal_.beacon(beacon); }
  void row_finished(const record::Row& row) override { journal_.row_finished(row); }

 private:
  record::Journal& journal_;
};

// When the clock showed `seconds`, in milliseconds.
std::string utc_at(Clock& clock, double seconds) {
  using namespace std::chrono;
  const double now = duration<double>(system_clock::now().time_since_epoch()).count();
  const auto milliseconds = std::llround((now - (clock.now_seconds() - seconds)) * 1e3);
  const auto whole = static_cast<std::time_t>(milliseconds / 1000);
  std::tm parts{};
  gmtime_r(&whole, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  return fmt::format("{}.{:03}Z", text, milliseconds % 1000);
}

// Unique enough to tell runs of one machine and second apart.
std::string run_id(const std::string& started, const config::Suite& suite) {
  return started + "-" + suite.sha256.substr(0, 8) + "-" + std::to_string(getpid());
}

// A follower shares the machine with the other side's, which would meet its load.
void settle_for_run(Energy& energy, const RunOptions& options, Clock& clock) {
  MeterMemory memory = MeterMemory::open();
  if (options.follow) return apply_kept(energy, memory);
  CpuLoad load(usable_processor_ids());
  settle(energy, choose_meters(options.evidence.meters).wanted,
         {clock, load, memory,
          [](std::string_view line) { std::fprintf(stderr, "%s\n", std::string(line).c_str()); }});
}

record::Document header(const config::Suite& suite, const Machine& machine,
                        const config::HardwareCatalogue& catalogue, const RunOptions& options,
                        Clock& clock) {
  record::Document document;
  document.run.started_utc = utc_now();
  document.run.id = run_id(document.run.started_utc, suite);
  document.run.finished_utc = Absent{"not finished"};
  document.run.command = options.command;
  document.run.suite = {suite.name, suite.text, suite.sha256};
  document.run.seed = suite.seed;
  document.run.ergon = describe_build();
  document.run.launches = options.launches;
  document.host = describe_host();
  document.host.libraries = libraries(machine.registry);
  for (const auto& device : machine.devices) {
    const DeviceInfo& info = device->info();
    document.devices.push_back({info.id,
                                info.kind,
                                info.name,
                                info.driver,
                                static_cast<std::int64_t>(info.memory_bytes),
                                {}});
  }
  const Energy energy = open_meters(catalogue, options.evidence, clock,
                                    [&](Energy& found) { settle_for_run(found, options, clock); });
  for (const auto& meter : energy.meters) document.meters.push_back(energy.describe(*meter));
  for (const Unavailable& other : energy.unavailable)
    document.unavailable_meters.push_back({other.meter, other.reason, other.remedy});
  document.prices = options.prices;
  return document;
}

double budget_of(const config::Suite& suite, const RunOptions& options) {
  return options.budget_seconds.value_or(suite.budget_seconds.value_or(default_budget_seconds));
}

// Keys of rows that the journal has already finished: a resumed run leaves them alone.
std::set<std::string> finished_rows(const record::Document& so_far) {
  std::set<std::string> out;
  for (const record::Row& row : so_far.rows)
    if (!row.status.empty()) out.insert(record::key(row));
  return out;
}

void drop_finished(std::vector<BlockPlan>& blocks, const std::set<std::string>& finished) {
  const auto done = [&](const BlockPlan& block) {
    return std::all_of(block.cases.begin(), block.cases.end(), [&](const Case& what) {
      return finished.count(record::key(row_of(what, 0))) > 0;
    });
  };
  blocks.erase(std::remove_if(blocks.begin(), blocks.end(), done), blocks.end());
}

std::string title(const BlockPlan& block) {
  const Case& first = block.cases.front();
  return first.workload->name() + " " + dtype_name(*first.workload) +
         (block.cold ? " cold, " : " warm, ") + std::to_string(block.cases.size()) + " variants";
}

int next_round(const record::Document& so_far) {
  int next = 0;
  for (const record::Row& row : so_far.rows)
    for (const record::TimeSample& sample : row.samples) next = std::max(next, sample.round + 1);
  return next;
}

// Last, so that a group of rows stands where its first measured one does.
void record_skipped(const std::vector<Case>& cases, const record::Document& so_far, Sink& sink) {
  const std::set<std::string> known = finished_rows(so_far);
  for (const Case& what : cases) {
    if (!what.skip) continue;
    const record::Row row = row_of(what, -1);
    if (known.count(record::key(row))) continue;
    sink.row_started(row);
    sink.row_finished(row);
  }
}

// Everything of one launch: what is left of the suite, into the journal.
void measure_launch(const config::Suite& suite, const Machine& machine,
                    const config::HardwareCatalogue& catalogue, const RunOptions& options,
                    record::Journal& journal, const record::Document& so_far, int launch) {
  SteadyClock clock;
  JournalSink sink(journal);
  const Watch watch(context_from_environment(clock).proc, context_from_environment(clock).sysfs);
  Energy energy = open_meters(catalogue, options.evidence, clock,
                              [&](Energy& found) { settle_as_recorded(found, so_far); });
  const double budget = budget_of(suite, options) / options.launches;
  Progress progress(clock, budget, stderr_is_terminal());

  Session session(clock, watch, sink);
  for (Meter* meter : energy.chosen) session.meters.emplace_back().meter = meter;
  session.no_meter = energy.none_chosen;
  session.seed = suite.seed;
  session.effort.ratio_interval = options.ratio_interval;
  session.effort.power_traces = options.power_traces;
  session.launch = launch;
  session.order.seed(suite.seed * 1000003 + static_cast<std::uint64_t>(launch));
  session.started_seconds = clock.now_seconds();
  session.next_round = next_round(so_far);
  session.progress = [&progress](std::string_view text) { progress.detail(text); };
  Follower follower(stdin, stdout);
  if (options.follow) {
    session.follower = &follower;
    if (const char* start = std::getenv("ERGON_FOLLOW_START"))
      session.started_seconds = std::atof(start);
  }
  journal.launch_started({launch, utc_at(clock, session.started_seconds)});
  for (const Meter* meter : energy.chosen)
    if (meter->info().id == log_to_come_id)
      session.beacons = Beacons{std::max(*meter->info().period_seconds, least_beacon_seconds),
                                std::random_device{}()};
  const double ends = clock.now_seconds() + budget;

  std::vector<Case> cases = make_cases(suite, machine, options.cases);
  std::vector<BlockPlan> blocks = make_blocks(cases, block_memory_bytes());
  const auto record_idle = [&](const char* when) {
    for (ActiveMeter& active : session.meters) {
      const auto idle = measure_idle(*active.meter, clock, 0.6);
      journal.idle(active.meter->info().id, when, idle);
      if (active.idle_watts) continue;
      active.idle_watts = idle ? Maybe<double>(idle->value) : Absent{idle.reason()};
    }
  };
  record_idle("before");
  // A comparison needs no ceilings; two followers would even measure each other by theirs.
  const bool compared = options.follow || options.ratio_interval > 0;
  // Of finished blocks too: an interrupted run has neither verified nor listed their ceilings.
  Ceilings ceilings(machine, compared ? std::vector<BlockPlan>{} : blocks,
                    usable_memory_bytes() / 4, session);
  // Of several launches, each measures everything anew.
  if (options.resume && options.launches == 1) drop_finished(blocks, finished_rows(so_far));
  ceilings.opening_rounds(opening_rounds);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    progress.block(static_cast<int>(i) + 1, static_cast<int>(blocks.size()), title(blocks[i]));
    const double left = ends - clock.now_seconds();
    const double share =
        std::max(least_block_seconds, left / static_cast<double>(blocks.size() - i));
    session.blocks_left = static_cast<int>(blocks.size() - i);
    measure_block(blocks[i], share, ceilings, session);
  }
  record_skipped(cases, so_far, sink);
  // The rows' results and their ceilings together: a run that is killed between them would leave
  // measured ceilings that bound nothing, which `verify` finds.
  ceilings.conclude();
  for (const record::Ceiling& ceiling : ceilings.list())
    journal.ceiling(machine.cpu().info().id, ceiling);
  record_idle("after");
  progress.done();
  if (options.follow) follower.done();
}

void require_same_settings(const record::Document& so_far, const RunOptions& options) {
  const Where where{"command line", 0, "--resume"};
  if (options.settings_of(so_far.run.command) != options.settings_of(options.command))
    throw UserError(where, "the run was begun with other options, and their samples would mix");
}

// A launch that measured every case in the least number of rounds is not measured again.
int finished_launches(const record::Document& so_far, const std::vector<BlockPlan>& blocks) {
  std::set<std::string> wanted;
  for (const BlockPlan& block : blocks)
    for (const Case& what : block.cases) wanted.insert(record::key(row_of(what, 0)));
  std::map<int, std::set<std::string>> measured;
  for (const record::Row& row : so_far.rows) {
    if (row.status == "wrong" || row.status == "failed") wanted.erase(record::key(row));
    if (!wanted.count(record::key(row))) continue;
    std::map<int, int> rounds;
    for (const record::TimeSample& sample : row.samples) ++rounds[sample.launch];
    for (const auto& [launch, count] : rounds)
      if (count >= Effort{}.least_rounds) measured[launch].insert(record::key(row));
  }
  return static_cast<int>(std::count_if(measured.begin(), measured.end(), [&](const auto& launch) {
    return launch.second.size() == wanted.size();
  }));
}

// OpenMP has bound this thread to its own place, and a child would inherit that as all there is.
void allow_all_processors() {
  const std::vector<int> ids = usable_processor_ids();
  const int count = ids.empty() ? 1 : ids.back() + 1;
  cpu_set_t* set = CPU_ALLOC(count);
  if (set == nullptr) return;
  const std::size_t bytes = CPU_ALLOC_SIZE(count);
  CPU_ZERO_S(bytes, set);
  for (const int id : ids) CPU_SET_S(static_cast<std::size_t>(id), bytes, set);
  sched_setaffinity(0, bytes, set);
  CPU_FREE(set);
}

// A fresh process for one launch: the same command with what tells it its part.
void start_launch(const RunOptions& options, int launch) {
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) throw UserError(std::string("cannot start a launch: ") + std::strerror(errno));
  if (child == 0) {
    // A launch that outlives its run would go on writing to the journal. SIGKILL would leave the
    // programs of its meters behind.
    signal(SIGTERM, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(127);
    allow_all_processors();
    std::vector<std::string> words = options.command;
    words.push_back("--launch-record=" + options.out);
    words.push_back("--launch-number=" + std::to_string(launch));
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    execv("/proc/self/exe", argv.data());
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw UserError("launch " + std::to_string(launch) + " ended badly; the journal of " +
                    options.out + " holds what was measured");
}

}  // namespace

void run_launch(const config::Suite& suite, const Machine& machine,
                const config::HardwareCatalogue& catalogue, const RunOptions& options, int launch) {
  set_page_policy(options.pages);
  record::Journal journal = record::Journal::append(options.out);
  const record::Document so_far = record::read_journal(options.out);
  measure_launch(suite, machine, catalogue, options, journal, so_far, launch);
}

record::Document run(const config::Suite& suite, const Machine& machine,
                     const config::HardwareCatalogue& catalogue, const RunOptions& options) {
  set_page_policy(options.pages);
  SteadyClock clock;
  make_cases(suite, machine,
             options.cases);  // what is wrong with them is told before a file is made
  record::Document head = header(suite, machine, catalogue, options, clock);
  int launch = 0;
  record::Document so_far = head;
  std::optional<record::Journal> journal;
  if (options.resume) {
    journal = record::Journal::resume(options.out, head, so_far);
    require_same_settings(so_far, options);
    for (const record::Row& row : so_far.rows)
      for (const record::TimeSample& sample : row.samples)
        launch = std::max(launch, sample.launch + 1);
  } else {
    journal = record::Journal::create(options.out, head, options.overwrite);
  }
  if (options.launches == 1) {
    measure_launch(suite, machine, catalogue, options, *journal, so_far, launch);
  } else {
    auto cases = make_cases(suite, machine, options.cases);
    const auto blocks = make_blocks(cases, block_memory_bytes());
    const int left = options.launches - finished_launches(so_far, blocks);
    for (int i = 0; i < left; ++i) start_launch(options, launch + i);
  }
  record::Document document = record::read_journal(options.out);
  conclude(document);
  document.run.complete = true;
  document.run.finished_utc = utc_now();
  journal->finish(document);
  return document;
}

}  // namespace ergon::measure
