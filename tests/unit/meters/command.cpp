// Real programs behind the command meter. Time limits are real: those of programs that answer are
// long, so that a test that is held up for a while passes all the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <signal.h>
#include <sys/stat.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "bench/meters/child.h"
#include "bench/meters/meter.h"
#include "tests/unit/meters/fake.h"

namespace ergon {

Probes probe_command(const MeterContext& context);

namespace {

using ::testing::AnyOf;
using testing::FakeTree;
using ::testing::HasSubstr;

constexpr const char* patient = "timeout=300 ";

class Command : public ::testing::Test {
 protected:
  Probe probe(const std::string& spec) {
    MeterContext context;
    context.clock = &clock;
    context.commands = {spec};
    Probes probes = probe_command(context);
    EXPECT_EQ(probes.size(), 1U);
    return std::move(probes.front());
  }
  std::unique_ptr<Meter> meter(const std::string& spec) {
    Probe found = probe(spec);
    if (auto* none = std::get_if<Unavailable>(&found)) {
      ADD_FAILURE() << none->reason;
      return nullptr;
    }
    return std::move(std::get<std::unique_ptr<Meter>>(found));
  }
  std::string refusal(const std::string& spec) {
    Probe found = probe(spec);
    const auto* none = std::get_if<Unavailable>(&found);
    return none ? none->reason : "it opened";
  }
  /// A file that a program prints.
  std::string file() const { return tree.at("said").string(); }
  void say(const std::string& text) const { tree.write("said", text); }

  FakeTree tree;
  SteadyClock clock;
};

TEST_F(Command, ReadsWattsOncePerCall) {
  const auto opened = meter(std::string(patient) +
                            "scope=node every=0.01 uncertainty=0.02 average=0.1 echo 220 Watts");
  ASSERT_TRUE(opened);
  const MeterInfo& info = opened->info();
  EXPECT_EQ(info.id, "command:echo");
  EXPECT_EQ(info.scope, Scope::node);
  EXPECT_EQ(info.part, Part::machine);
  EXPECT_EQ(info.quantity, Quantity::watts);
  EXPECT_EQ(info.provenance, Provenance::sampled);
  EXPECT_EQ(info.relative_uncertainty, 0.02);
  EXPECT_EQ(info.averaging_seconds, 0.1);
  EXPECT_EQ(*info.period_seconds, 0.01);
  EXPECT_EQ(*info.quantum_watts, 1);
  EXPECT_GT(info.read_seconds, 0);
  const double before = clock.now_seconds();
  const Reading reading = opened->read();
  EXPECT_EQ(reading.invalid, "");
  EXPECT_EQ(reading.value, 220);
  EXPECT_GT(reading.slack_seconds, 0);
  EXPECT_GE(reading.seconds - reading.slack_seconds, before - 1e-9);
  EXPECT_LE(reading.seconds + reading.slack_seconds, clock.now_seconds());
}

TEST_F(Command, CountsJoulesWithTheSmallestStepThatItSees) {
  say("0");
  const auto opened = meter(std::string(patient) + "every=0.01 sh -c 'n=$(cat " + file() +
                            "); n=$((n + 5)); echo $n >" + file() + "; echo total $n J'");
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->info().quantity, Quantity::cumulative_joules);
  EXPECT_EQ(opened->info().provenance, Provenance::counter);
  EXPECT_EQ(*opened->info().quantum_joules, 5);
}

TEST_F(Command, DoesNotCallAgainWithinHalfAPeriodAndKeepsTheStamp) {
  const auto opened = meter(std::string(patient) + "every=3600 echo 1 W");
  ASSERT_TRUE(opened);
  const Reading first = opened->read();
  EXPECT_EQ(opened->read().seconds, first.seconds);
}

TEST_F(Command, RefusesAValueWhosePeriodItCannotTell) {
  const auto opened = meter(std::string(patient) + "echo 220 W");
  ASSERT_TRUE(opened);
  EXPECT_THAT(opened->info().period_seconds.reason(), HasSubstr("every=SECONDS"));
  EXPECT_THAT(shortest_window_seconds(opened->info(), 100, 0.02).reason(),
              HasSubstr("every=SECONDS"));
}

TEST_F(Command, SaysWhyAProgramIsNoMeter) {
  EXPECT_THAT(refusal("no-such-program-anywhere"), HasSubstr("cannot start no-such-program"));
  EXPECT_THAT(refusal(std::string(patient) + "sh -c 'echo no BMC here >&2; exit 3'"),
              HasSubstr("sh ended with exit status 3: no BMC here"));
  EXPECT_THAT(refusal(std::string(patient) + "sh -c 'kill -9 $$'"),
              HasSubstr("was killed by signal 9"));
  EXPECT_THAT(refusal(std::string(patient) + "echo all is well"), HasSubstr("no number in"));
  EXPECT_THAT(refusal(std::string(patient) + "true"), HasSubstr("nothing was printed"));
  EXPECT_THAT(refusal("every=x y"), HasSubstr("every=x"));
}

TEST_F(Command, RefusesWhatNoMachineDrawsAtOnce) {
  const std::string call = std::string(patient) + "every=0.01 ";
  EXPECT_THAT(refusal(call + "echo -5 W"), HasSubstr("the sensor says -5 W"));
  EXPECT_THAT(refusal(call + "echo 1e300 W"), HasSubstr("more than any machine draws"));
  EXPECT_THAT(refusal(call + "mode=stream sh -c 'echo -5 W; sleep 1000'"),
              HasSubstr("the sensor says -5 W"));
}

TEST_F(Command, TellsItselfFromAnotherThatDiffersAtTheEnd) {
  const std::string address = "http://" + std::string(100, 'a');
  const auto about = [&](const std::string& rest) {
    return meter(std::string(patient) + "every=0.01 unit=W " + rest)->info().about;
  };
  EXPECT_NE(about("echo " + address + "/1 5"), about("echo " + address + "/2 5"));
  EXPECT_NE(about("match='a=(.)' echo a=1 b=2"), about("match='b=(.)' echo a=1 b=2"));
}

TEST_F(Command, SaysWhyAReadingFailsLater) {
  say("220 W");
  const auto opened = meter(std::string(patient) + "every=0.001 cat " + file());
  ASSERT_TRUE(opened);
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  tree.remove("said");
  EXPECT_THAT(opened->read().invalid, HasSubstr("cat ended with exit status 1"));
  say("9 J");
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_THAT(opened->read().invalid, HasSubstr("changed between watts and joules"));
  say("221 W");
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(opened->read().value, 221);
}

TEST_F(Command, KillsAProgramThatHangsWithAllThatItStarted) {
  EXPECT_THAT(refusal("timeout=0.3 sh -c 'sleep 1000 & echo $! >" + file() + "; wait'"),
              HasSubstr("gave no answer within 0.3 s"));
  std::ifstream in(file());
  pid_t grandchild = 0;
  if (!(in >> grandchild)) GTEST_SKIP() << "held up before it started anything";
  // Until its reaper has seen it, a killed process is still there as a zombie.
  for (int i = 0; i < 6000 && kill(grandchild, 0) == 0; ++i) {
    std::ifstream status("/proc/" + std::to_string(grandchild) + "/stat");
    std::string line;
    std::getline(status, line);
    if (line.find(") Z") != std::string::npos) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_NE(kill(grandchild, 0), 0);
}

TEST_F(Command, KillsAProgramThatHasClosedItsOutputAndStays) {
  EXPECT_THAT(refusal("timeout=0.3 sh -c 'echo 5 W; exec >&-; sleep 1000'"),
              AnyOf(HasSubstr("did not end and was killed"), HasSubstr("gave no answer within")));
}

TEST_F(Command, RefusesAFloodOfOutput) {
  EXPECT_THAT(refusal(std::string(patient) + "yes"), HasSubstr("prints more than"));
}

TEST_F(Command, GivesTheProgramNoInput) {
  EXPECT_THAT(refusal(std::string(patient) + "cat"), HasSubstr("nothing was printed"));
}

TEST_F(Command, StampsTheLinesOfAStreamOnArrival) {
  const auto opened = meter(std::string(patient) +
                            "mode=stream unit=W every=1000 sh -c 'echo heading; echo 12.5; "
                            "sleep 1000'");
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->info().quantity, Quantity::watts);
  EXPECT_DOUBLE_EQ(*opened->info().quantum_watts, 0.1);
  const Reading first = opened->read();
  EXPECT_EQ(first.invalid, "");
  EXPECT_EQ(first.value, 12.5);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(opened->read().seconds, first.seconds);  // never a fresh stamp on an old value
}

TEST_F(Command, EstimatesThePeriodOfAStreamByItsLines) {
  const auto opened =
      meter(std::string(patient) + "mode=stream sh -c 'while echo 7 W; do sleep 0.02; done'");
  ASSERT_TRUE(opened);
  ASSERT_TRUE(opened->info().period_seconds) << opened->info().period_seconds.reason();
  EXPECT_GE(*opened->info().period_seconds, 0.02);
}

TEST_F(Command, CallsAStreamSilentAfterFivePeriods) {
  const auto opened =
      meter(std::string(patient) + "mode=stream every=0.02 sh -c 'echo 7 W; sleep 1000'");
  ASSERT_TRUE(opened);
  std::this_thread::sleep_for(std::chrono::milliseconds(150));
  EXPECT_THAT(opened->read().invalid, HasSubstr("the stream is silent for"));
}

TEST_F(Command, SaysHowAStreamEnded) {
  const std::string fifo = tree.at("fifo").string();
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  const auto opened = meter(std::string(patient) + "mode=stream every=1000 sh -c 'echo 7 W; cat " +
                            fifo + "; echo gone >&2; exit 4'");
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->read().invalid, "");
  std::ofstream(fifo) << "";  // lets the program go on
  Reading reading;
  for (int i = 0; i < 30000 && reading.invalid.empty(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    reading = opened->read();
  }
  EXPECT_THAT(reading.invalid,
              HasSubstr("the stream has ended: sh ended with exit status 4: gone"));
}

TEST_F(Command, RefusesAStreamThatSaysNothingUsable) {
  EXPECT_THAT(refusal("timeout=0.3 mode=stream sleep 1000"), HasSubstr("silent for"));
  EXPECT_THAT(refusal("timeout=5 mode=stream sh -c 'while echo n; do sleep 0.1; done'"),
              HasSubstr("no number in 'n'"));
  EXPECT_THAT(refusal("mode=stream no-such-program"), HasSubstr("cannot start"));
}

TEST_F(Command, RefusesAStreamThatTakesTheProcessorForItself) {
  EXPECT_THAT(refusal("timeout=300 mode=stream yes n"), HasSubstr("more than 1000 lines a second"));
}

TEST_F(Command, IsNotThereUnlessAskedFor) {
  MeterContext context;
  context.clock = &clock;
  const Probes probes = probe_command(context);
  ASSERT_EQ(probes.size(), 1U);
  EXPECT_EQ(std::get<Unavailable>(probes.front()).meter, "command");
}

}  // namespace
}  // namespace ergon
