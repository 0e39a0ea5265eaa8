# Every instruction set that decode_row.cpp picks from. A choice between two floats is a vector only
# where neither traps.
function(decode_source file)
  target_sources(ergon_kernels PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/${file})
  set_source_files_properties(${file} TARGET_DIRECTORY ergon_kernels PROPERTIES COMPILE_OPTIONS
                              "${ARGN};-fno-trapping-math")
endfunction()

# What it drives are the implementations of gemm that this build has.
kernel_impl(qmatmul library SOURCES library.cpp plain_product.cpp plain_activations.cpp decode_row.cpp)
decode_source(decode_portable.cpp)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  decode_source(decode_avx2.cpp -mavx2 -mfma)
  decode_source(decode_avx512.cpp -mavx2 -mfma -mavx512f -mavx512bw -mavx512dq -mavx512vl)
endif()
