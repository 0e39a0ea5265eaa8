# Finds ggml as the target ggml::ggml, visible everywhere: in ERGON_GGML_ROOT where that is set, else
# wherever CMake finds it. A root without ggml is an error; a system without it is not.
# Before 0.9 it did not tell its version.
if(ERGON_GGML_ROOT)
  unset(ggml_DIR CACHE)
  find_package(ggml 0.9 CONFIG REQUIRED PATHS ${ERGON_GGML_ROOT} NO_DEFAULT_PATH)
  unset(ggml_DIR CACHE)
else()
  find_package(ggml 0.9 CONFIG QUIET)
endif()
if(TARGET ggml::ggml)
  message(STATUS "ggml ${ggml_VERSION}: ${ggml_CONFIG}")
  # With its backends, unless it loads those at run time.
  list(TRANSFORM GGML_AVAILABLE_BACKENDS PREPEND ggml:: OUTPUT_VARIABLE backends)
  foreach(target ggml::ggml ggml::ggml-base ${backends})
    if(TARGET ${target})
      set_target_properties(${target} PROPERTIES IMPORTED_GLOBAL TRUE)
    endif()
  endforeach()
endif()
