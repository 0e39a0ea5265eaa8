# Opens whatever CBLAS the machine has at run time: nothing to link.
kernel_impl(gemm cblas SOURCES cblas.cpp cblas_find.cpp cblas_library.cpp cblas_names.cpp cblas_vendors.cpp)
