# Sourced by run.sh and test.sh: installs what is missing, configures, builds.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
install=yes

build_packages=(g++ cmake ninja-build pkg-config git ca-certificates
  libbenchmark-dev libgtest-dev libgmock-dev libfmt-dev nlohmann-json3-dev libtomlplusplus-dev
  libcli11-dev libhwloc-dev libvalijson-dev libdnnl-dev libopenblas0-openmp libblis4-openmp
  ocl-icd-opencl-dev opencl-headers pocl-opencl-icd libclblast-dev)
all_packages=(ccache clang-14 libomp-14-dev libclang-rt-14-dev clang-format-14 clang-tidy-14 python3
  python3-pip g++-aarch64-linux-gnu qemu-user googletest)

say() { printf '== %s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 2; }

# need PACKAGE...: installs those that are not installed, and says which.
need() {
  local missing=() package
  command -v dpkg-query >/dev/null || { say "no dpkg here: assuming that the build finds its libraries"; return; }
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  [ "$install" = yes ] || die "not installed: ${missing[*]} (without --no-install they would be)"
  local sudo=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "neither root nor sudo; install: ${missing[*]}"
    sudo=(sudo)
  fi
  say "installing: ${missing[*]}"
  "${sudo[@]}" apt-get update -qq || die "apt-get update failed"
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    "${missing[@]}" >/dev/null || die "apt-get could not install: ${missing[*]}"
}

# build PRESET "TARGET..." [CMAKE ARGUMENT...]: configures and builds into build/PRESET; quiet unless it fails.
build() {
  local preset=$1 targets log
  read -ra targets <<<"$2"
  shift 2
  mkdir -p "$root/build"
  log=$root/build/$preset.log
  say "building build/$preset (log: build/$preset.log)"
  if ! (cd "$root" && cmake --preset "$preset" "$@" && cmake --build "build/$preset" --target "${targets[@]}") >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    die "the build failed; the whole log is $log"
  fi
}
