// The two sides of `compare --live` for two builds: each runs the suite in its own process and
// prepares its blocks, but the windows are given out by one leader, so that both sides share
// rounds.
//
// A follower writes "block NUMBER LEFT KEY..." (tabs between; LEFT blocks with this one) when a
// block is ready, and "done" at the end. The leader answers with lines "sample INDEX ROUND
// POSITION", "check", "place" (all buffers anew) and "end"; the follower answers each sample with
// its seconds per call, or 0 where the case failed.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bench/base/error.h"
#include "bench/measure/member.h"
#include "bench/record/document.h"

namespace ergon::measure {

/// The leader ended first, and it has said why.
struct LeaderGone : UserError {
  LeaderGone() : UserError("--follow: the leader is gone") {}
};

class Follower {
 public:
  /// `started_seconds` is the leader's clock at its start: samples of both sides count from it.
  Follower(std::FILE* in, std::FILE* out) : in_(in), out_(out) {}
  struct Steps {
    std::function<void()> check;  // verifies a call inside a window of each member
    std::function<void()> place;  // gives each member new buffers
  };
  /// Serves the rounds of one block.
  void serve(int block, int blocks_left, const std::vector<Member*>& members, const Steps& steps);
  void done();

 private:
  std::FILE* in_;
  std::FILE* out_;
};

struct LiveBuilds {
  std::string base, fresh;             // programs
  std::vector<std::string> arguments;  // of `run`, without --out
  double budget_seconds = 240;
  Effort effort;
  std::uint64_t seed = 1;
};

/// Runs both programs side by side and returns one document whose rows carry "@base" and "@new"
/// behind their implementation's name. UserError where a program does not start or offers other
/// cases.
record::Document lead(const LiveBuilds& builds);

}  // namespace ergon::measure
