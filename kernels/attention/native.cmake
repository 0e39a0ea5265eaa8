kernel_impl(attention native SOURCES native.cpp native_shape.cpp native_blocks.cpp native_source.cpp
            native_queries.cpp native_keys.cpp)
