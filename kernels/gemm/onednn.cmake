include(find_onednn)
kernel_impl(gemm onednn SOURCES onednn.cpp onednn_api.cpp REQUIRES DNNL::dnnl
            HINT "libdnnl-dev, or ERGON_ONEDNN_ROOT")
