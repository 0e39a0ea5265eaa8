# The flags are part of what "naive" means, so they are fixed, whatever the build's, and stated in the
# implementation's own description.
set(flags -O2 -fno-tree-vectorize -fno-tree-slp-vectorize -ffp-contract=off)
list(JOIN flags " " text)
kernel_impl(gemm naive SOURCES naive.cpp FLAGS ${flags} "-DERGON_NAIVE_FLAGS=\"${text}\"")
