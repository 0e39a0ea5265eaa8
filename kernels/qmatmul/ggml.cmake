kernel_impl(qmatmul ggml SOURCES ggml.cpp ggml_api.cpp REQUIRES ggml::ggml
            HINT "an installed ggml, or ERGON_GGML_ROOT (cmake/ggml.sh makes one)")
