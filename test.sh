#!/usr/bin/env bash
# Installs what is missing, builds and tests.
#   ./test.sh [--no-install]         the tests, at most 10 minutes
#   ./test.sh --all [--no-install]   also lint, sanitizers, fuzzers, Arm, oneDNN 3 with ggml, first;
#                                    the plain tests come last
set -euo pipefail
cd "$(dirname "$0")"
source cmake/setup.sh

all=no
release_options=(-DERGON_TESTS=ON)
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
  say "ggml"
  cmake/ggml.sh build/ggml-root
  say "format and lint"
  cmake/lint.sh -DERGON_GGML_ROOT="$root/build/ggml-root"
  build asan all
  # g++ 12's leak check crashes on the thread-local memory of libraries that it tracks by this; what
  # PoCL's threads hold when a process ends it takes for leaks at times.
  ASAN_OPTIONS=intercept_tls_get_addr=0 LSAN_OPTIONS=suppressions=$root/cmake/leaks.txt run_tests asan
  # Archer tells the sanitizer how OpenMP orders its threads; libgomp's libraries stay outside.
  build tsan ergon_thread_tests
  OMP_TOOL_LIBRARIES=libarcher.so LD_LIBRARY_PATH=/usr/lib/llvm-14/lib \
    TSAN_OPTIONS=ignore_noninstrumented_modules=1 run_tests tsan -L threads
  build fuzz ergon_fuzzers
  run_tests fuzz -L fuzz
  build arm all
  run_tests arm
  cmake/onednn3.sh build/onednn3-root
  # Most of what it compiles, the release build compiles again.
  export CCACHE_DIR=$root/build/ccache
  release_options+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  build onednn3 "ergon tests/contract/all tests/unit/onednn/all tests/unit/ggml/all tests/end_to_end/all" \
    -DERGON_ONEDNN_ROOT="$root/build/onednn3-root" -DERGON_GGML_ROOT="$root/build/ggml-root" \
    -DCMAKE_CXX_COMPILER_LAUNCHER=ccache
  run_tests onednn3 -R 'onednn|ggml|contract|run_and_check'
fi
build release all "${release_options[@]}"
run_tests release
