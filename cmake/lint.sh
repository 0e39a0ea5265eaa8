#!/usr/bin/env bash
# cmake/lint.sh [CMAKE ARGUMENT...]: clang-format and clang-tidy over every C++ file that git tracks; fails on
# the first finding of each.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p build

mapfile -t sources < <(git ls-files '*.cpp' '*.h')
clang-format-14 --dry-run -Werror "${sources[@]}"

cmake --preset lint "$@" >build/lint.log 2>&1 || { tail -n 40 build/lint.log; exit 1; }
# What this machine compiles: files for other processors are not among it.
mapfile -t units < <(git ls-files 'kernels/*.cpp' 'bench/*.cpp' | while read -r unit; do
  if grep -qF "$PWD/$unit\"" build/lint/compile_commands.json; then echo "$unit"; fi
done)
if ! printf '%s\n' "${units[@]}" | xargs -P "$(nproc)" -n 4 clang-tidy-14 -p build/lint --quiet \
  --warnings-as-errors='*' >build/tidy.log 2>&1; then
  grep -E 'error|warning|note' build/tidy.log | head -n 60
  exit 1
fi
