kernel_impl(attention ggml SOURCES ggml.cpp ggml_node.cpp REQUIRES ggml::ggml
            HINT "an installed ggml, or ERGON_GGML_ROOT (cmake/ggml.sh makes one)")
