#include "bench/measure/follow.h"

#include <cinttypes>
#include <cstdio>

namespace ergon::measure {
namespace {

double last_seconds_per_call(const Member& member) {
  const auto& last = member.row.samples.back();
  return last.seconds / static_cast<double>(last.calls);
}

}  // namespace

void Follower::serve(int block, int blocks_left, const std::vector<Member*>& members,
                     const Steps& steps) {
  std::fprintf(out_, "block\t%d\t%d", block, blocks_left);
  for (const Member* member : members) std::fprintf(out_, "\t%s", member->key.c_str());
  std::fprintf(out_, "\n");
  std::fflush(out_);
  char line[128];
  while (std::fgets(line, sizeof line, in_)) {
    std::size_t index = 0;
    int round = 0, position = 0;
    if (std::sscanf(line, "sample %zu %d %d", &index, &round, &position) == 3 &&
        index < members.size()) {
      Member& member = *members[index];
      member.sample(round, position);
      std::fprintf(out_, "%.17g\n", member.usable() ? last_seconds_per_call(member) : 0.0);
    } else if (std::string(line) == "check\n") {
      steps.check();
      std::fprintf(out_, "checked\n");
    } else if (std::string(line) == "place\n") {
      steps.place();
      std::fprintf(out_, "placed\n");
    } else if (std::string(line) == "end\n") {
      return;
    } else {
      throw UserError("--follow: the leader said '" + std::string(line) + "'");
    }
    std::fflush(out_);
  }
  throw LeaderGone();
}

void Follower::done() {
  std::fprintf(out_, "done\n");
  std::fflush(out_);
}

}  // namespace ergon::measure
