#!/usr/bin/env bash
# Installs what is missing, builds, measures the quick suite and prints its table.
#   ./run.sh [--no-install] [arguments of `ergon run`]
set -euo pipefail
cd "$(dirname "$0")"
source cmake/setup.sh

arguments=()
for argument in "$@"; do
  if [ "$argument" = --no-install ]; then install=no; else arguments+=("$argument"); fi
done

need "${build_packages[@]}"
build release ergon -DERGON_TESTS=OFF
exec build/release/ergon run ${arguments[@]+"${arguments[@]}"}
