// Every #include of the tree against the table of arrows in docs/architecture.md.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>

namespace {

namespace fs = std::filesystem;
const fs::path source = ERGON_SOURCE_DIR;

using Arrows = std::map<std::string, std::set<std::string>>;  // room -> rooms it may include

Arrows read_arrows() {
  std::ifstream file(source / "docs/architecture.md");
  Arrows out;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line == "```arrows")
      inside = true;
    else if (line == "```")
      inside = false;
    else if (inside) {
      const auto arrow = line.find("<-");
      std::istringstream left(line.substr(0, arrow)), right(line.substr(arrow + 2));
      std::string known;
      left >> known;
      for (std::string room; right >> room;) {
        if (room.back() == ',') room.pop_back();
        out[room].insert(known);
      }
    }
  }
  return out;
}

// "bench/stats/stats.h" -> "stats"; "kernels/gemm/gemm.h" -> "kernels"; anything else -> "".
std::string room_of(const std::string& path) {
  if (path.rfind("kernels/", 0) == 0) return "kernels";
  if (path.rfind("bench/", 0) != 0) return {};
  const auto end = path.find('/', 6);
  return end == std::string::npos ? std::string{} : path.substr(6, end - 6);
}

std::set<std::string> included_rooms(const fs::path& file) {
  std::ifstream in(file);
  std::set<std::string> out;
  for (std::string line; std::getline(in, line);)
    if (line.rfind("#include \"", 0) == 0)
      out.insert(room_of(line.substr(10, line.find('"', 10) - 10)));
  out.erase("");
  return out;
}

TEST(Arrows, EveryIncludeFollowsTheTableInTheArchitecture) {
  const Arrows arrows = read_arrows();
  ASSERT_GE(arrows.size(), 8U) << "docs/architecture.md has lost its table";
  int files = 0;
  for (const char* top : {"kernels", "bench"})
    for (const auto& entry : fs::recursive_directory_iterator(source / top)) {
      const auto ending = entry.path().extension();
      if (ending != ".h" && ending != ".cpp") continue;
      ++files;
      const std::string path = fs::relative(entry.path(), source).string();
      const std::string room = room_of(path);
      for (const std::string& included : included_rooms(entry.path())) {
        if (included == room) continue;
        const auto allowed = arrows.find(room);
        EXPECT_TRUE(allowed != arrows.end() && allowed->second.count(included))
            << path << " includes " << included << ", which " << room << " may not know";
      }
    }
  EXPECT_GT(files, 50);
}

TEST(Arrows, TheTableHasNoCycle) {
  const Arrows arrows = read_arrows();
  std::set<std::string> done;
  bool moved = true;
  while (moved) {
    moved = false;
    for (const auto& [room, known] : arrows) {
      if (done.count(room)) continue;
      bool ready = true;
      for (const std::string& k : known) ready = ready && (done.count(k) || !arrows.count(k));
      if (ready) moved = done.insert(room).second;
    }
  }
  EXPECT_EQ(done.size(), arrows.size());
}

}  // namespace
