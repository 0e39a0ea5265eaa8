find_package(CLBlast QUIET CONFIG)
if(TARGET clblast AND TARGET OpenCL::OpenCL)
  add_library(ergon_clblast INTERFACE)
  target_link_libraries(ergon_clblast INTERFACE clblast OpenCL::OpenCL)
endif()
kernel_impl(gemm clblast SOURCES clblast.cpp REQUIRES ergon_clblast
            HINT "libclblast-dev and ocl-icd-opencl-dev")
