include(find_onednn)
kernel_impl(qmatmul onednn SOURCES onednn.cpp REQUIRES DNNL::dnnl
            HINT "libdnnl-dev, or ERGON_ONEDNN_ROOT")
