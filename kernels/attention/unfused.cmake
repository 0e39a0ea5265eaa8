include(find_onednn)
kernel_impl(attention unfused SOURCES unfused.cpp unfused_cblas.cpp unfused_scores.cpp unfused_softmax.cpp whole_cache.cpp)
if(TARGET DNNL::dnnl)
  target_sources(ergon_kernels PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/unfused_onednn.cpp)
  target_link_libraries(ergon_kernels PRIVATE DNNL::dnnl)
  set_source_files_properties(unfused.cpp TARGET_DIRECTORY ergon_kernels PROPERTIES COMPILE_DEFINITIONS
                              ERGON_UNFUSED_ONEDNN)
endif()

# Every instruction set that unfused_softmax.cpp picks from. A choice between two floats is a vector
# only where neither traps.
function(unfused_softmax_source isa)
  set(file unfused_softmax_${isa}.cpp)
  target_sources(ergon_kernels PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/${file})
  set_source_files_properties(${file} TARGET_DIRECTORY ergon_kernels PROPERTIES COMPILE_OPTIONS
                              "${ARGN};-fno-trapping-math")
endfunction()
unfused_softmax_source(portable)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  unfused_softmax_source(avx2 -mavx2 -mfma)
  unfused_softmax_source(avx512 -mavx2 -mfma -mavx512f -mavx512bw -mavx512dq -mavx512vl)
endif()
