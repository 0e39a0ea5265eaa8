kernel_impl(attention native SOURCES native.cpp native_shape.cpp native_source.cpp
            native_query_plan.cpp native_queries.cpp native_blocks.cpp
            native_key_plan.cpp native_keys.cpp native_cache.cpp native_cache_tiles.cpp native_cache_words.cpp
            native_cache_halves.cpp native_cache_codes.cpp
            native_products.cpp native_absorbed_plan.cpp native_expanded_plan.cpp
            native_sparse_plan.cpp native_top.cpp)
include(native_linear.cmake)
