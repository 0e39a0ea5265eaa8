#!/usr/bin/env bash
# Installs what is missing, builds and tests.
#   ./test.sh [--no-install]         the tests, at most 10 minutes
#   ./test.sh --all [--no-install]   also lint, sanitizers, oneDNN 3, first; the plain tests come last
set -euo pipefail
cd "$(dirname "$0")"
source cmake/setup.sh

all=no
for argument in "$@"; do
  case $argument in
    --all) all=yes ;;
    --no-install) install=no ;;
    *) die "$argument: ./test.sh takes --all and --no-install" ;;
  esac
done

# run_tests PRESET [CTEST ARGUMENT...]
run_tests() {
  local preset=$1
  shift
  say "testing build/$preset"
  (cd "build/$preset" && ctest --output-on-failure --no-tests=error -j1 "$@")
}

need "${build_packages[@]}"
if [ "$all" = yes ]; then
  need "${all_packages[@]}"
  say "format and lint"
  cmake/lint.sh
  build asan
  run_tests asan
  build tsan
  run_tests tsan -L threads
  cmake/onednn3.sh build/onednn3-root
  build onednn3 -DERGON_ONEDNN_ROOT="$root/build/onednn3-root"
  run_tests onednn3 -R 'onednn|contract|end_to_end'
fi
build release -DERGON_TESTS=ON
run_tests release
