// What each maker's functions tell. Names and signatures: OpenBLAS cblas.h; BLIS's configuration
// query and multithreading documents; oneMKL's "Support Functions" reference; armpl.h; nvpl_blas.h.
#include <omp.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "kernels/gemm/cblas_library.h"

namespace ergon {
namespace {

constexpr int no_limit = std::numeric_limits<int>::max();

std::string text_or_empty(const char* text) { return text ? text : ""; }

/// For a library that tells its count, but not whether it has threads: a sequential one goes on
/// saying 1.
void set_asked_count(CblasLibrary& library, void (*set)(int), int (*ask)()) {
  library.threading = "sequential";
  if (!set || !ask) return;
  set(2);
  if (ask() == 1) return;
  library.threading = "threaded";
  library.set_threads.emplace_back(set);
  library.threads = ask;
  library.max_threads = no_limit;
}

std::string openblas(const CblasSymbols& symbols, CblasLibrary& library) {
  // "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH NO_AFFINITY SkylakeX MAX_THREADS=64"
  const auto config = symbols.find<const char* (*)()>("openblas_get_config");
  std::istringstream words(text_or_empty(config()));
  words >> library.about.name >> library.about.version >> std::ws;
  std::getline(words, library.build);
  if (library.build.find("USE64BITINT") != std::string::npos)
    return "was built with USE64BITINT (ILP64), where 32-bit integers are needed";
  if (const auto core = symbols.find<const char* (*)()>("openblas_get_corename"))
    library.about.kernel = text_or_empty(core());

  const auto parallel = symbols.find<int (*)()>("openblas_get_parallel");
  const int kind = parallel ? parallel() : 0;
  library.threading = kind == 2 ? "OpenMP" : kind == 1 ? "pthreads" : "sequential";
  const auto set = symbols.find<void (*)(int)>("openblas_set_num_threads");
  if (kind == 0 || !set) return {};
  library.set_threads.emplace_back(set);
  library.threads = symbols.find<int (*)()>("openblas_get_num_threads");
  const std::string key = "MAX_THREADS=";
  const std::size_t at = library.build.find(key);
  library.max_threads =
      at == std::string::npos ? no_limit : std::atoi(library.build.c_str() + at + key.size());
  return {};
}

std::string blis(const CblasSymbols& symbols, CblasLibrary& library) {
  library.about.name = "BLIS";
  library.about.version =
      text_or_empty(symbols.find<const char* (*)()>("bli_info_get_version_str")());
  const auto bits = symbols.find<std::int64_t (*)()>("bli_info_get_blas_int_type_size");
  if (bits && static_cast<int>(bits()) == 64)
    return "was built with 64-bit BLAS integers (ILP64), where 32-bit ones are needed";
  const auto query = symbols.find<int (*)()>("bli_arch_query_id");
  const auto text = symbols.find<const char* (*)(int)>("bli_arch_string");
  if (query && text) library.about.kernel = text_or_empty(text(query()));

  const auto flag = [&](const char* name) {
    const auto enabled = symbols.find<std::int64_t (*)()>(name);
    return enabled && static_cast<int>(enabled()) != 0;
  };
  library.threading = flag("bli_info_get_enable_openmp")     ? "OpenMP"
                      : flag("bli_info_get_enable_pthreads") ? "pthreads"
                                                             : "sequential";
  const auto set = symbols.find<void (*)(std::int64_t)>("bli_thread_set_num_threads");
  if (library.threading == "sequential" || !set) return {};
  library.set_threads.emplace_back([set](int count) { set(count); });
  if (const auto ask = symbols.find<std::int64_t (*)()>("bli_thread_get_num_threads"))
    library.threads = [ask] { return static_cast<int>(ask()); };
  library.max_threads = no_limit;
  return {};
}

/// mkl_rt alone chooses its layers at run time: 32-bit integers, and the GNU OpenMP runtime that
/// this process already has unless MKL_THREADING_LAYER asks for another. Must precede any other
/// call.
std::string choose_mkl_layers(const CblasSymbols& symbols) {
  constexpr int lp64 = 0, gnu_openmp = 3, integer_bits = 1;
  if (const auto layer = symbols.find<int (*)(int)>("MKL_Set_Interface_Layer")) {
    if (layer(lp64) & integer_bits)
      return "is set to 64-bit integers (ILP64), where 32-bit ones are needed";
  }
  const auto threading = symbols.find<int (*)(int)>("MKL_Set_Threading_Layer");
  if (threading && !std::getenv("MKL_THREADING_LAYER")) threading(gnu_openmp);
  return {};
}

std::string mkl(const CblasSymbols& symbols, CblasLibrary& library) {
  const std::string refusal = choose_mkl_layers(symbols);
  if (!refusal.empty()) return refusal;
  library.about.name = "oneMKL";
  std::string text(256, '\0');
  symbols.find<void (*)(char*, int)>("MKL_Get_Version_String")(text.data(),
                                                               static_cast<int>(text.size()));
  text.resize(std::min(text.find('\0'), text.size()));
  text.resize(text.find_last_not_of(' ') + 1);
  library.about.version = text;

  struct MklVersion {
    int major, minor, update;
    const char *status, *build, *processor, *platform;
  } version{};
  if (const auto tell = symbols.find<void (*)(MklVersion*)>("MKL_Get_Version")) {
    tell(&version);
    library.about.kernel = text_or_empty(version.processor);
  }
  const auto set = symbols.find<void (*)(int)>("MKL_Set_Num_Threads");
  const auto ask = symbols.find<int (*)()>("MKL_Get_Max_Threads");
  if (const auto dynamic = symbols.find<void (*)(int)>("MKL_Set_Dynamic")) dynamic(0);
  set_asked_count(library, set, ask);
  return {};
}

std::string armpl(const CblasSymbols& symbols, CblasLibrary& library) {
  // Its integers have the width of the library's own; the low half serves both on these processors.
  std::int64_t major = 0, minor = 0, build = 0;
  const char* tag = nullptr;
  using Tell = void (*)(std::int64_t*, std::int64_t*, std::int64_t*, const char**);
  symbols.find<Tell>("armplversion")(&major, &minor, &build, &tag);
  library.about.name = "Arm Performance Libraries";
  library.about.version =
      std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(build);
  library.build = text_or_empty(tag);
  const bool openmp = symbols.address("omp_set_num_threads") != nullptr;
  library.threading = openmp ? "OpenMP" : "sequential";
  library.max_threads = openmp ? no_limit : 1;  // it follows omp_set_num_threads
  return {};
}

std::string nvpl(const CblasSymbols& symbols, CblasLibrary& library) {
  const int version = symbols.find<int (*)()>("nvpl_blas_get_version")();
  library.about.name = "NVPL BLAS";
  library.about.version = std::to_string(version / 10000) + "." +
                          std::to_string(version / 100 % 100) + "." + std::to_string(version % 100);
  const auto set = symbols.find<void (*)(int)>("nvpl_blas_set_num_threads");
  const auto ask = symbols.find<int (*)()>("nvpl_blas_get_max_threads");
  set_asked_count(library, set, ask);
  return {};
}

struct Vendor {
  const char* sign;
  std::string (*describe)(const CblasSymbols& symbols, CblasLibrary& library);
};

constexpr Vendor vendors[] = {{"openblas_get_config", openblas},
                              {"bli_info_get_version_str", blis},
                              {"MKL_Get_Version_String", mkl},
                              {"armplversion", armpl},
                              {"nvpl_blas_get_version", nvpl}};

}  // namespace

std::string describe_cblas(const CblasSymbols& symbols, CblasLibrary& library) {
  const auto vendor = std::find_if(std::begin(vendors), std::end(vendors),
                                   [&](const Vendor& entry) { return symbols.has(entry.sign); });
  const bool known = vendor != std::end(vendors);
  if (known) {
    const std::string reason = vendor->describe(symbols, library);
    if (!reason.empty()) return reason;
  }
  // An OpenMP runtime of its own (libiomp5 beside libgomp) has its own count.
  void* const set = symbols.address("omp_set_num_threads");
  if (set && set != reinterpret_cast<void*>(&omp_set_num_threads))
    library.set_threads.emplace_back(reinterpret_cast<void (*)(int)>(set));
  // One that nothing is known of stays at one: to link an OpenMP runtime is not to follow its count
  // (BLIS does not).
  if (!known) library.threading = "no known control";
  return {};
}

}  // namespace ergon
