#!/usr/bin/env bash
# Experiments on the harness; each prints its figures as a Markdown table on stdout, the rest goes to
# stderr. All together take under 15 minutes on two cores, which should be idle otherwise.
#   tests/experiments/run.sh [--short] [all|NAME] [BUILD_DIR]
# NAME: overhead, agreement, coverage, same, planted, neighbour. BUILD_DIR: build/release.
# --short: small settings that show that everything runs; its figures mean nothing.
# OPENBLAS names the library as for dlopen (libopenblas.so.0). Records stay in BUILD_DIR/experiments.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)

short=no
if [ "${1:-}" = --short ]; then short=yes; shift; fi
wanted=${1:-all}
build=${2:-$root/build/release}
openblas=${OPENBLAS:-libopenblas.so.0}

if [ "$short" = yes ]; then
  overhead=(6 0.005); agreement=(6 0.005 3)
  launches=3; launch_budget=1; live_budget=2; neighbour_runs=1; neighbour_budget=15
  narrowed=(--filter 'm=(128|512),' --threads 1)
else
  overhead=(60 0.02); agreement=(8 0.02 15)
  launches=20; launch_budget=7; live_budget=150; neighbour_runs=3; neighbour_budget=18
  narrowed=()
fi

say() { printf '== %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 2; }

prepare() {
  say "building $build"
  if [ -f "$build/CMakeCache.txt" ]; then
    cmake -S "$root" -B "$build" -DERGON_TESTS=ON >&2
  else
    cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DERGON_TESTS=ON >&2
  fi
  grep -q '^CMAKE_BUILD_TYPE:STRING=Release$' "$build/CMakeCache.txt" || die "$build is not a Release build"
  cmake --build "$build" --target ergon_experiments >&2
  build=$(cd "$build" && pwd)
  programs=$build/tests/experiments
  kept=$build/experiments
  mkdir -p "$kept"
  export ERGON_CONFIGS=$root/configs
  # Ergon binds its own threads; the other programs get the same from their driver.
  unset OMP_PROC_BIND OMP_PLACES OMP_DYNAMIC OMP_NUM_THREADS
}

# ergon ARGUMENT...: exit code 1 (a row got worse) and 3 (cannot tell) are answers, not failures.
ergon() {
  local code=0
  "$build/ergon" "$@" || code=$?
  [ $code -eq 0 ] || [ $code -eq 1 ] || [ $code -eq 3 ] || die "ergon $1 ended with $code"
}

overhead() { "$programs/overhead" "${overhead[@]}"; }

agreement() {
  [ -x "$programs/agreement" ] || die "agreement needs oneDNN (Debian: libdnnl-dev)"
  "$programs/agreement" "$programs" "$openblas" "${agreement[@]}"
}

launch_all() {
  local i
  rm -f "$kept"/launch-*.json
  for i in $(seq -w "$launches"); do
    say "launch $i of $launches"
    ergon run "$here/launch.toml" --meter none --budget "$launch_budget" \
      ${narrowed[@]+"${narrowed[@]}"} --out "$kept/launch-$i.json" --overwrite >/dev/null 2>&1
  done
}

coverage() {
  launch_all
  "$programs/coverage" "$kept"/launch-*.json
}

# compare_live NAME BASE NEW: leaves NAME.json (the verdicts) and NAME-record.json.
compare_live() {
  rm -f "$kept/$1-record.json"
  ergon compare --live "$2" "$3" --suite "$here/libraries.toml" --budget "$live_budget" \
    ${narrowed[@]+"${narrowed[@]}"} --out "$kept/$1-record.json" --json >"$kept/$1.json"
}

same() {
  local records pairs i j
  printf 'One library against itself, alternated within rounds:\n\n'
  compare_live same openblas openblas
  "$programs/verdicts" --rows same "$kept/same.json"

  compgen -G "$kept/launch-*.json" >/dev/null || launch_all
  records=("$kept"/launch-*.json)
  rm -f "$kept"/pair-*.json
  for ((i = 0; i < ${#records[@]}; ++i)); do
    for ((j = i + 1; j < ${#records[@]}; ++j)); do
      ergon compare "${records[i]}" "${records[j]}" --json >"$kept/pair-$i-$j.json"
    done
  done
  pairs=("$kept"/pair-*.json)
  printf '\nEvery pair of %d launches of one build (%d pairs):\n\n' "${#records[@]}" "${#pairs[@]}"
  "$programs/verdicts" same "${pairs[@]}"
}

planted() {
  local libraries=$build/tests/libraries/libergon_test_blas
  export ERGON_TEST_BLAS=$openblas ERGON_TEST_SLOWDOWN=0.03
  compare_live planted "${libraries}_forward.so" "${libraries}_slow.so"
  "$programs/verdicts" --rows slower "$kept/planted.json"
}

neighbour() {
  "$programs/neighbour" "$kept" "$neighbour_runs" "$build/ergon" run "$here/neighbour.toml" \
    --meter none --budget "$neighbour_budget"
  printf '\nWhat the report of the first run says:\n\n'
  ergon report "$kept/neighbour-1.json" --format markdown | grep 'flagged'
}

all=(overhead agreement coverage same planted neighbour)
if [ "$wanted" = all ]; then chosen=("${all[@]}"); else chosen=("$wanted"); fi
for name in "${chosen[@]}"; do
  [[ " ${all[*]} " == *" $name "* ]] || die "no experiment is called $name; there are: ${all[*]}"
done

prepare
began=$SECONDS
for name in "${chosen[@]}"; do
  start=$SECONDS
  printf '\n### %s\n\n' "$name"
  "$name"
  printf '\n%d s.\n' $((SECONDS - start))
done
printf '\nAltogether %d s.\n' $((SECONDS - began))
