target_sources(ergon_kernels PRIVATE ${CMAKE_CURRENT_LIST_DIR}/native_linear.cpp
               ${CMAKE_CURRENT_LIST_DIR}/native_linear_chunks.cpp
               ${CMAKE_CURRENT_LIST_DIR}/native_linear_recurrence.cpp)

# Every instruction set that linear_loops() picks from. g++ 12 takes the undefined vectors of its own
# intrinsics for mistakes (GCC bug 105593).
function(linear_source file)
  target_sources(ergon_kernels PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/${file})
  set_source_files_properties(
    ${file} TARGET_DIRECTORY ergon_kernels PROPERTIES COMPILE_OPTIONS
    "${ARGN};$<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized;-Wno-uninitialized>")
endfunction()
linear_source(native_linear_portable.cpp)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  set(linear_avx512 -mavx2 -mfma -mavx512f -mavx512bw -mavx512dq -mavx512vl)
  linear_source(native_linear_avx2.cpp -mavx2 -mfma)
  linear_source(native_linear_avx512.cpp ${linear_avx512})
  linear_source(native_linear_avx512_bf16.cpp ${linear_avx512} -mavx512bf16)
endif()
