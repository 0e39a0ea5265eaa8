#include "bench/record/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>

#include "bench/base/error.h"
#include "bench/record/json.h"
#include "bench/record/read.h"
#include "bench/record/status.h"
#include "bench/record/verify.h"
#include "make_document.h"

namespace ergon::record {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

namespace fs = std::filesystem;

Document header_of(const Document& document) {
  Document header = document;
  header.rows.clear();
  header.run.launch_starts.clear();
  header.run.beacons.clear();
  header.devices[0].ceilings.clear();
  header.run.complete = false;
  header.run.finished_utc = Absent{"not finished"};
  return header;
}

void give_row(Journal& journal, const Row& row) {
  journal.row_started(row);
  for (const TimeSample& sample : row.samples) journal.time_sample(key(row), sample);
  if (row.energy)
    for (const EnergySample& sample : row.energy->samples)
      journal.energy_sample(key(row), row.energy->meter, sample);
  for (const Energy& extra : row.extra_meters)
    for (const EnergySample& sample : extra.samples)
      journal.energy_sample(key(row), extra.meter, sample);
}

void give_all(Journal& journal, const Document& document) {
  for (const LaunchStart& start : document.run.launch_starts) journal.launch_started(start);
  for (const Beacon& beacon : document.run.beacons) journal.beacon(beacon);
  for (const Row& row : document.rows) {
    give_row(journal, row);
    journal.row_finished(row);
  }
  for (const Ceiling& ceiling : document.devices[0].ceilings) journal.ceiling("cpu", ceiling);
}

std::string message_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const UserError& error) {
    return error.what();
  }
  ADD_FAILURE() << "nothing was refused";
  return {};
}

class JournalTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/ergon_journal_XXXXXX";
    folder_ = ::mkdtemp(name);
    file_ = folder_ + "/run.json";
  }
  void TearDown() override { fs::remove_all(folder_); }

  Journal begin() { return Journal::create(file_, header_of(document_), false); }
  std::string journal_text() {
    std::ostringstream text;
    text << std::ifstream(file_ + ".journal").rdbuf();
    return text.str();
  }
  void append_text(const std::string& text) {
    std::ofstream(file_ + ".journal", std::ios::app) << text;
  }

  const Document document_ = make_document();
  std::string folder_, file_;
};

TEST_F(JournalTest, HoldsEverythingThatTheDocumentDoes) {
  for (const Document& document : {make_document(), make_quantized_document()}) {
    Journal journal = Journal::create(file_, header_of(document), true);
    give_all(journal, document);
    Document read = read_journal(file_);
    EXPECT_FALSE(read.run.complete);
    read.run.complete = true;
    read.run.finished_utc = document.run.finished_utc;
    EXPECT_EQ(to_text(read), to_text(document));
  }
}

TEST_F(JournalTest, ForgetsTheBeaconsOfALaunchThatIsBegunAgain) {
  Journal journal = begin();
  journal.launch_started({0, "2026-01-31T12:00:00.000Z"});
  journal.beacon({0, 1, 2, true});
  journal.launch_started({0, "2026-01-31T12:01:00.000Z"});
  journal.beacon({0, 3, 2, false});
  const Document read = read_journal(file_);
  EXPECT_THAT(read.run.launch_starts, ElementsAre(LaunchStart{0, "2026-01-31T12:01:00.000Z"}));
  EXPECT_THAT(read.run.beacons, ElementsAre(Beacon{0, 3, 2, false}));
}

TEST_F(JournalTest, BecomesTheFileAndIsGone) {
  Journal journal = begin();
  give_all(journal, document_);
  journal.finish(document_);
  EXPECT_FALSE(fs::exists(file_ + ".journal"));
  EXPECT_FALSE(fs::exists(file_ + ".partial"));
  EXPECT_THAT(verify_file(file_), IsEmpty());
}

TEST_F(JournalTest, ReadsAsARecordWhoseUnfinishedRowsFailed) {
  Journal journal = begin();
  give_row(journal, document_.rows[0]);
  const Document read = read_document(file_ + ".journal");
  EXPECT_EQ(read.rows[0].status, "failed");
  EXPECT_EQ(read.rows[0].reason, reason_unfinished);
  EXPECT_EQ(read.rows[0].samples.size(), document_.rows[0].samples.size());
  EXPECT_EQ(read_journal(file_).rows[0].status, "");
}

TEST_F(JournalTest, IsReadInPlaceOfAMissingFileWithANote) {
  Journal journal = begin();
  std::vector<std::string> notes;
  EXPECT_EQ(read_document(file_, &notes).run.id, document_.run.id);
  EXPECT_THAT(notes, ElementsAre(HasSubstr("does not exist")));
}

TEST_F(JournalTest, LosesOnlyATornLastLine) {
  Journal journal = begin();
  give_row(journal, document_.rows[0]);
  append_text("{\"row\":0,\"time\":{\"start_sec");
  std::vector<std::string> notes;
  const Document read = read_document(file_, &notes);
  EXPECT_EQ(read.rows[0].samples.size(), document_.rows[0].samples.size());
  EXPECT_THAT(notes.back(), HasSubstr("torn"));
}

TEST_F(JournalTest, RefusesATornLineElsewhereAndNamesIt) {
  Journal journal = begin();
  append_text("{\"row\":0,\"start\n");
  journal.row_started(document_.rows[0]);
  EXPECT_THAT(message_of([&] { read_document(file_); }), HasSubstr(".journal:2: "));
}

TEST_F(JournalTest, RefusesFactsOfRowsThatWereNotStarted) {
  Journal journal = begin();
  append_text("{\"row\":3,\"time\":{}}\n");
  EXPECT_THAT(message_of([&] { read_document(file_); }), HasSubstr("not started"));
  EXPECT_THROW(journal.time_sample("gemm/none", {}), std::logic_error);
}

TEST_F(JournalTest, GoesOnWhereAnInterruptedRunStopped) {
  {
    Journal journal = begin();
    give_row(journal, document_.rows[0]);
    journal.row_finished(document_.rows[0]);
    give_row(journal, document_.rows[1]);
    append_text("{\"row\":1,\"ti");
  }
  Document so_far;
  Journal journal = Journal::resume(file_, header_of(document_), so_far);
  ASSERT_EQ(so_far.rows.size(), 2u);
  EXPECT_EQ(so_far.rows[0].status, "ok");
  EXPECT_EQ(so_far.rows[1].status, "");
  journal.row_started(document_.rows[1]);
  journal.row_finished(document_.rows[1]);
  for (std::size_t i = 2; i < document_.rows.size(); ++i) {
    give_row(journal, document_.rows[i]);
    journal.row_finished(document_.rows[i]);
  }
  for (const Ceiling& ceiling : document_.devices[0].ceilings) journal.ceiling("cpu", ceiling);
  EXPECT_EQ(to_text(read_journal(file_)).find("\"failed\""), std::string::npos);
  EXPECT_EQ(read_journal(file_).rows.size(), document_.rows.size());
}

TEST_F(JournalTest, DoesNotMendAFaultOfAnEarlierLaunch) {
  Journal journal = begin();
  Row row = document_.rows[0];
  give_row(journal, row);
  row.status = "wrong";
  row.reason = "c[3,17]: got 0, expected 1";
  journal.row_finished(row);
  journal.row_finished(document_.rows[0]);
  EXPECT_EQ(read_journal(file_).rows[0].status, "wrong");
}

TEST_F(JournalTest, RefusesToGoOnWithAnotherRun) {
  begin();
  const auto refused = [&](const std::function<void(Document&)>& change) {
    Document other = header_of(document_);
    change(other);
    return message_of([&] {
      Document so_far;
      Journal::resume(file_, other, so_far);
    });
  };
  EXPECT_THAT(refused([](Document& d) { d.run.seed = 5; }), HasSubstr("run.seed"));
  EXPECT_THAT(refused([](Document& d) { d.run.suite.sha256 = std::string(64, '0'); }),
              HasSubstr("run.suite.sha256"));
  EXPECT_THAT(refused([](Document& d) { d.run.ergon.commit = "ffffffffffff"; }),
              HasSubstr("run.ergon.commit"));
  EXPECT_THAT(refused([](Document& d) { d.host.cpu.model = "another"; }),
              HasSubstr("host.cpu.model"));
}

TEST_F(JournalTest, RefusesToGoOnFromAnotherSchemaOrFromNothing) {
  Document so_far;
  EXPECT_THAT(message_of([&] { Journal::resume(file_, header_of(document_), so_far); }),
              HasSubstr("no journal"));
  append_text("{\"journal\":\"ergon-result/2\",\"document\":{}}\n");
  EXPECT_THAT(message_of([&] { Journal::resume(file_, header_of(document_), so_far); }),
              HasSubstr("ergon-result/2"));
}

TEST_F(JournalTest, OverwritesNothingUnlessTold) {
  std::ofstream(file_) << "precious";
  EXPECT_THAT(message_of([&] { begin(); }), HasSubstr("exists"));
  Journal::create(file_, header_of(document_), true).row_started(document_.rows[0]);
  EXPECT_EQ(fs::file_size(file_), 8u);  // until the run has finished
  fs::remove(file_);
  EXPECT_THAT(message_of([&] { begin(); }), HasSubstr("--resume"));
  EXPECT_THROW(
      {
        std::ofstream(file_) << "x";
        write_document(file_, document_, false);
      },
      UserError);
}

TEST_F(JournalTest, RefusesAPlaceThatCannotBeWrittenBeforeAnythingIsMeasured) {
  const Document header = header_of(document_);
  EXPECT_THAT(message_of([&] { Journal::create(folder_ + "/none/run.json", header, false); }),
              HasSubstr("No such file"));
  EXPECT_THAT(message_of([&] { Journal::create(folder_, header, false); }),
              HasSubstr("is a folder"));
}

TEST_F(JournalTest, TellsOfAFullDiskAndLeavesWholeLines) {
  Journal journal = begin();
  const auto before = journal_text();
  rlimit old{};
  getrlimit(RLIMIT_FSIZE, &old);
  ::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{before.size() + 100, old.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  EXPECT_THAT(message_of([&] { journal.row_started(document_.rows[0]); }),
              HasSubstr("cannot be written"));
  setrlimit(RLIMIT_FSIZE, &old);
  EXPECT_EQ(journal_text(), before);
}

TEST_F(JournalTest, KeepsEveryWindowThatEndedBeforeAKill) {
  const pid_t child = ::fork();
  if (child == 0) {
    Journal journal = begin();
    give_row(journal, document_.rows[0]);
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(read_document(file_).rows[0].samples.size(), document_.rows[0].samples.size());
}

TEST_F(JournalTest, SpansTheIdleWattsBeforeAndAfter) {
  Journal journal = begin();
  journal.idle("powercap", "before", Meter::Idle{20, {19, 21}});
  journal.idle("powercap", "after", Meter::Idle{30, {29, 31}});
  journal.idle("powercap", "after", Absent{"permission lost"});
  const Document read = read_journal(file_);
  EXPECT_DOUBLE_EQ(read.meters[0].idle_watts->value, 25);
  EXPECT_EQ(read.meters[0].idle_watts->interval95, (Interval{19, 31}));
}

TEST_F(JournalTest, TakesTheLatestOfACeiling) {
  Journal journal = begin();
  Ceiling ceiling = document_.devices[0].ceilings[0];
  journal.ceiling("cpu", ceiling);
  ceiling.value_per_second = 7.0;
  journal.ceiling("cpu", ceiling);
  const Document read = read_journal(file_);
  ASSERT_EQ(read.devices[0].ceilings.size(), 1u);
  EXPECT_EQ(*read.devices[0].ceilings[0].value_per_second, 7.0);
}

TEST_F(JournalTest, IsAppendedToByTheNextLaunch) {
  begin().row_started(document_.rows[0]);
  Journal next = Journal::append(file_);
  next.row_started(document_.rows[0]);
  next.time_sample(key(document_.rows[0]), document_.rows[0].samples[0]);
  EXPECT_EQ(read_journal(file_).rows.size(), 1u);
  EXPECT_EQ(read_journal(file_).rows[0].samples.size(), 1u);
}

TEST_F(JournalTest, OfTwoWritersTheSecondIsRefusedAndTakesNothing) {
  Journal first = begin();
  give_row(first, document_.rows[0]);
  const auto size = fs::file_size(journal_path(file_));
  Document so_far;
  EXPECT_THAT(message_of([&] { Journal::create(file_, header_of(document_), true); }),
              HasSubstr("another run is writing it"));
  EXPECT_THAT(message_of([&] { Journal::resume(file_, header_of(document_), so_far); }),
              HasSubstr("another run is writing it"));
  EXPECT_EQ(fs::file_size(journal_path(file_)), size);
}

TEST_F(JournalTest, AnotherLibraryOrVariableCannotGoOn) {
  { begin(); }
  Document header = header_of(document_), so_far;
  header.host.libraries.push_back({"openblas", "0.3.99", "/lib", "zen"});
  EXPECT_THAT(message_of([&] { Journal::resume(file_, header, so_far); }),
              HasSubstr("host.libraries"));
  header = header_of(document_);
  header.host.variables["OPENBLAS_CORETYPE"] = "Haswell";
  EXPECT_THAT(message_of([&] { Journal::resume(file_, header, so_far); }),
              HasSubstr("host.variables"));
  header = header_of(document_);
  header.host.variables["ERGON_CONFIGS"] = "/elsewhere";
  EXPECT_NO_THROW(Journal::resume(file_, header, so_far));
}

}  // namespace
}  // namespace ergon::record
