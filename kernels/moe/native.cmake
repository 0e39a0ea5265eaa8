kernel_impl(moe native SOURCES native.cpp)
