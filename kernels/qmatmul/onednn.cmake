include(find_onednn)
kernel_impl(qmatmul onednn SOURCES onednn.cpp onednn_decoding.cpp REQUIRES DNNL::dnnl
            HINT "libdnnl-dev, or ERGON_ONEDNN_ROOT")
