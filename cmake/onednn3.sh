#!/usr/bin/env bash
# cmake/onednn3.sh DEST: puts oneDNN 3.2 for libgomp (headers, library, CMake package) into DEST, from
# the two wheels that hold it, for ERGON_ONEDNN_ROOT. x86-64 Linux; does nothing where DEST has it.
set -euo pipefail

version=2023.2.0 # the wheels' own numbering
[ $# -eq 1 ] || { echo "usage: $0 DEST" >&2; exit 2; }
destination=$1
[ -e "$destination/lib/cmake/dnnl/dnnl-config.cmake" ] && exit 0

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
  --dest "$scratch" "onednn-cpu-gomp==$version" "onednn-devel-cpu-gomp==$version"
# Unpacked, not installed: where pip puts a wheel's data folder differs between distributions.
for wheel in "$scratch"/*.whl; do
  python3 -m zipfile -e "$wheel" "$scratch/wheels"
done
mkdir -p "$scratch/root"
cp -r "$scratch"/wheels/*.data/data/* "$scratch/root/"
# A wheel holds no links: it has the library three times over.
for name in libdnnl.so libdnnl.so.3; do
  ln -sf libdnnl.so.3.2 "$scratch/root/lib/$name"
done
mkdir -p "$(dirname "$destination")"
rm -rf "$destination"
mv "$scratch/root" "$destination"
