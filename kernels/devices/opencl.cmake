find_package(OpenCL QUIET)
if(TARGET OpenCL::OpenCL)
  set_target_properties(OpenCL::OpenCL PROPERTIES IMPORTED_GLOBAL TRUE)
endif()
device(opencl SOURCES opencl.cpp opencl_errors.cpp REQUIRES OpenCL::OpenCL
       HINT "ocl-icd-opencl-dev and a driver (pocl-opencl-icd for processors)")
