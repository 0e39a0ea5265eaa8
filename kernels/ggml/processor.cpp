#include "kernels/ggml/processor.h"

#include <dlfcn.h>

#include <cstdio>
#include <new>
#include <stdexcept>
#include <string_view>

namespace ergon::ggml {
namespace {

/// Its default prints all, a line for every tensor that is repacked.
void print_warnings(ggml_log_level level, const char* text, void* /*unused*/) {
  if (level == GGML_LOG_LEVEL_WARN || level == GGML_LOG_LEVEL_ERROR) std::fputs(text, stderr);
}

ggml_backend_dev_t find_processor() {
  ggml_log_set(print_warnings, nullptr);
  const auto find = [] { return ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU); };
  if (find() == nullptr) ggml_backend_load_all();  // those that are not linked
  return find();
}

/// What its code was compiled for, and with ("AVX2 FMA AVX512_VNNI OPENMP REPACK").
std::string features() {
  const auto list = function<ggml_backend_get_features_t>("ggml_backend_get_features");
  if (list == nullptr) return {};
  std::string all;
  for (const auto* each = list(ggml_backend_dev_backend_reg(processor())); each->name != nullptr;
       ++each) {
    all += all.empty() ? "" : " ";
    all += each->name;
    if (std::string_view(each->value) != "1") all += std::string("=") + each->value;
  }
  return all;
}

bool has(std::string_view feature) {
  return (" " + features() + " ").find(" " + std::string(feature) + " ") != std::string::npos;
}

std::optional<std::string> refuse_now() {
  if (processor() == nullptr) return this_library() + " has no backend for the processor";
  if (!has("OPENMP"))
    return this_library() + " has threads of its own: it needs to be built with GGML_OPENMP";
  return std::nullopt;
}

}  // namespace

ggml_backend_dev_t processor() {
  static ggml_backend_dev_t device = find_processor();
  return device;
}

std::string this_library() { return std::string("this ggml (") + ggml_version() + ")"; }

std::optional<std::string> refuse() {
  static const std::optional<std::string> reason = refuse_now();
  return reason;
}

Library library() {
  Library library;
  library.name = "ggml";
  library.version = ggml_version();
  const std::string_view commit = ggml_commit();
  if (!commit.empty() && commit != "unknown") library.version += " (" + std::string(commit) + ")";
  if (processor() == nullptr) return library;
  // The processor's registry lies in the library that computes.
  Dl_info file{};
  if (dladdr(ggml_backend_dev_backend_reg(processor()), &file) != 0 && file.dli_fname != nullptr)
    library.path = file.dli_fname;
  library.kernel = features();
  return library;
}

ggml_backend_buffer_type_t plain_buffers() { return ggml_backend_cpu_buffer_type(); }

ggml_backend_ptr backend_of(int threads) {
  ggml_backend_ptr backend(ggml_backend_dev_init(processor(), nullptr));
  if (!backend) throw std::bad_alloc();
  function<ggml_backend_set_n_threads_t>("ggml_backend_set_n_threads")(backend.get(), threads);
  return backend;
}

ggml_context_ptr metadata(std::size_t bytes) {
  ggml_context_ptr context(ggml_init({bytes, nullptr, true}));
  if (!context) throw std::bad_alloc();
  return context;
}

void compute(ggml_backend_t backend, ggml_cgraph* graph) {
  const ggml_status status = ggml_backend_graph_compute(backend, graph);
  if (status != GGML_STATUS_SUCCESS)
    throw std::runtime_error(std::string("ggml: ") + ggml_status_to_string(status));
}

}  // namespace ergon::ggml
