#include "bench/measure/topology.h"

#include <hwloc.h>

#include <algorithm>
#include <set>
#include <string>

namespace ergon::measure {
namespace {

class Tree {
 public:
  Tree() {
    if (hwloc_topology_init(&tree_) != 0) {
      tree_ = nullptr;
    } else if (hwloc_topology_load(tree_) != 0) {
      hwloc_topology_destroy(tree_);
      tree_ = nullptr;
    }
  }
  ~Tree() {
    if (tree_) hwloc_topology_destroy(tree_);
  }
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;
  explicit operator bool() const noexcept { return tree_ != nullptr; }
  int count(hwloc_obj_type_t type) const {
    return std::max(0, hwloc_get_nbobjs_by_type(tree_, type));
  }
  /// nullptr where there is none.
  hwloc_obj_t core_of(int processor) const {
    const auto unit = hwloc_get_pu_obj_by_os_index(tree_, static_cast<unsigned>(processor));
    return unit ? hwloc_get_ancestor_obj_by_type(tree_, HWLOC_OBJ_CORE, unit) : nullptr;
  }

 private:
  hwloc_topology_t tree_ = nullptr;
};

}  // namespace

Maybe<Topology> topology() {
  const Tree tree;
  if (!tree) return Absent{"hwloc cannot read the topology"};
  const Topology out{tree.count(HWLOC_OBJ_CORE), tree.count(HWLOC_OBJ_PU),
                     tree.count(HWLOC_OBJ_PACKAGE), tree.count(HWLOC_OBJ_NUMANODE)};
  if (out.cores == 0) return Absent{"hwloc finds no cores"};
  return out;
}

Maybe<int> physical_cores(const std::vector<int>& ids) {
  const Tree tree;
  if (!tree) return Absent{"hwloc cannot read the topology"};
  std::set<hwloc_obj_t> cores;
  for (const int id : ids) {
    const auto core = tree.core_of(id);
    if (!core) return Absent{"hwloc knows no core of processor " + std::to_string(id)};
    cores.insert(core);
  }
  if (cores.empty()) return Absent{"no processors"};
  return static_cast<int>(cores.size());
}

}  // namespace ergon::measure
