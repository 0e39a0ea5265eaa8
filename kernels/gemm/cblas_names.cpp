#include "kernels/gemm/cblas_names.h"

#include <algorithm>
#include <filesystem>
#include <set>

namespace ergon {
namespace {

namespace fs = std::filesystem;

struct Known {
  const char* name;
  std::vector<std::string> files;
};

// The loader's own search finds sonames, so a system's alternatives are honoured. Fedora's
// libopenblas.so.0 is the sequential build; its OpenMP build, libopenblaso, comes first for that.
const std::vector<Known>& table() {
  static const std::vector<Known> known = {
      {"openblas", {"libopenblaso.so.0", "libopenblas.so.0", "libopenblas.so"}},
      {"blis", {"libblis.so.5", "libblis.so.4", "libblis.so.3", "libblis.so"}},
      {"aocl", {"libblis-mt.so.5", "libblis-mt.so.4", "libblis-mt.so.3", "libblis-mt.so"}},
      {"mkl",
       {"libmkl_rt.so.3", "libmkl_rt.so.2", "libmkl_rt.so.1", "libmkl_rt.so",
        "/opt/intel/oneapi/mkl/latest/lib/libmkl_rt.so",
        "/opt/intel/oneapi/mkl/latest/lib/intel64/libmkl_rt.so"}},
      {"armpl", {"libarmpl_lp64_mp.so", "libarmpl_lp64.so"}},
      {"nvpl", {"libnvpl_blas_lp64_gomp.so.0", "libnvpl_blas_lp64_gomp.so"}},
  };
  return known;
}

/// "libfoo" of "/opt/libfoo.so.0".
std::string stem(const fs::path& path) {
  const std::string file = path.filename().string();
  const std::size_t versioned = file.rfind(".so.");
  if (versioned != std::string::npos) return file.substr(0, versioned);
  return path.extension() == ".so" ? path.stem().string() : file;
}

std::string unknown_name(const std::string& text) {
  if (text.empty()) return "no name or path given";
  std::string names;
  for (const Known& known : table()) names += std::string(names.empty() ? "" : ", ") + known.name;
  return "no CBLAS library is known as \"" + text + "\" (known: " + names +
         "); a file is given with a slash: ./" + text;
}

CblasChoice choice_of(const std::string& text) {
  if (text.find('/') != std::string::npos) return {stem(text), {text}, {}};
  const auto known = std::find_if(table().begin(), table().end(),
                                  [&](const Known& entry) { return text == entry.name; });
  if (known == table().end()) return {text, {}, unknown_name(text)};
  return {text, known->files, {}};
}

/// `name`, or with just so much of the directory, or at last a number, that it is not in `taken`.
std::string distinct(const std::string& name, const std::string& text,
                     const std::set<std::string>& taken, bool repeated) {
  if (!taken.count(name)) return name;
  if (!repeated && text.find('/') != std::string::npos) {
    fs::path rest = fs::absolute(text).lexically_normal().parent_path();
    for (fs::path tail; rest.has_relative_path(); rest = rest.parent_path()) {
      tail = tail.empty() ? rest.filename() : rest.filename() / tail;
      const std::string longer = name + "@" + tail.string();
      if (!taken.count(longer)) return longer;
    }
  }
  int copy = 2;
  while (taken.count(name + "#" + std::to_string(copy))) ++copy;
  return name + "#" + std::to_string(copy);
}

}  // namespace

std::vector<CblasChoice> cblas_choices(std::span<const std::string> wanted) {
  std::vector<CblasChoice> choices;
  std::set<std::string> taken, texts;
  for (const std::string& text : wanted) {
    CblasChoice choice = choice_of(text);
    choice.name = distinct(choice.name, text, taken, !texts.insert(text).second);
    taken.insert(choice.name);
    choices.push_back(std::move(choice));
  }
  return choices;
}

std::vector<std::string> known_cblas_names() {
  std::vector<std::string> names;
  for (const Known& known : table()) names.emplace_back(known.name);
  return names;
}

}  // namespace ergon
