# As gemm's naive: the flags are part of what it is.
set(flags -O2 -fno-tree-vectorize -fno-tree-slp-vectorize -ffp-contract=off)
list(JOIN flags " " text)
kernel_impl(attention naive SOURCES naive.cpp FLAGS ${flags} "-DERGON_NAIVE_FLAGS=\"${text}\"")
