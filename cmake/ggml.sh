#!/usr/bin/env bash
# cmake/ggml.sh DEST: builds ggml 0.25 for this processor, with OpenMP, and puts it (headers, libraries,
# CMake package) into DEST, for ERGON_GGML_ROOT. The sources are those that llama-cpp-python's source
# package holds. Does nothing where DEST has it for a processor of these features.
set -euo pipefail

version=0.3.36 # llama-cpp-python's own numbering
sha256=832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e
[ $# -eq 1 ] || { echo "usage: $0 DEST" >&2; exit 2; }
destination=$1
features="$version $(grep -m 1 -E '^(flags|Features)' /proc/cpuinfo || true)"
[ "$(cat "$destination/features" 2>/dev/null)" = "$features" ] && exit 0

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
echo "llama-cpp-python==$version --hash=sha256:$sha256" >"$scratch/requirements"
# Only the source package. To tell its metadata, pip takes its build tools into an environment of their own.
python3 -m pip download --quiet --disable-pip-version-check --no-deps --no-binary llama-cpp-python \
  --require-hashes --dest "$scratch" --requirement "$scratch/requirements"
package=llama_cpp_python-$version
tar -xf "$scratch/$package.tar.gz" -C "$scratch" "$package/vendor/llama.cpp/ggml"
# Alone, ggml asks for its own tests, which the package lacks. GGML_LLAMAFILE is llama.cpp's default. It would
# take the commit of a repository around it for its own.
cat >"$scratch/CMakeLists.txt" <<EOF
cmake_minimum_required(VERSION 3.22)
project(ggml_alone C CXX)
add_subdirectory($package/vendor/llama.cpp/ggml)
EOF
export GIT_CEILING_DIRECTORIES=$scratch
if ! {
  cmake -S "$scratch" -B "$scratch/build" -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=ON -DGGML_OPENMP=ON \
    -DGGML_LLAMAFILE=ON -DCMAKE_INSTALL_PREFIX="$scratch/root" -DCMAKE_INSTALL_LIBDIR=lib \
    -DCMAKE_INSTALL_RPATH="\$ORIGIN" &&
    cmake --build "$scratch/build" -j "$(nproc)" &&
    cmake --install "$scratch/build"
} >"$scratch/log" 2>&1; then
  tail -n 40 "$scratch/log" >&2
  exit 1
fi
printf '%s\n' "$features" >"$scratch/root/features"
mkdir -p "$(dirname "$destination")"
rm -rf "$destination"
mv "$scratch/root" "$destination"
