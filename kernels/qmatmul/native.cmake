kernel_impl(qmatmul native SOURCES native.cpp native_panels.cpp native_left.cpp)
