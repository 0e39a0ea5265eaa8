# The Graph API of oneDNN is a part that a build may leave out, and that 2.x has not.
include(find_onednn)
if(TARGET DNNL::dnnl AND NOT TARGET ergon_onednn_graph)
  get_target_property(folders DNNL::dnnl INTERFACE_INCLUDE_DIRECTORIES)
  find_file(header oneapi/dnnl/dnnl_graph.hpp PATHS ${folders} NO_CACHE NO_DEFAULT_PATH)
  if(header AND NOT dnnl_VERSION VERSION_LESS 3)
    add_library(ergon_onednn_graph INTERFACE)
    target_link_libraries(ergon_onednn_graph INTERFACE DNNL::dnnl)
  endif()
endif()
kernel_impl(attention onednn SOURCES onednn.cpp onednn_graph.cpp REQUIRES ergon_onednn_graph
            HINT "a oneDNN 3.x with its Graph API, in ERGON_ONEDNN_ROOT")
