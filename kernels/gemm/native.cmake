kernel_impl(gemm native SOURCES native.cpp native_blocking.cpp native_loop.cpp native_shape.cpp)
