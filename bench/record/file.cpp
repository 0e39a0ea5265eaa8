#include "bench/record/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include "bench/base/error.h"

namespace ergon::record {
namespace {

[[noreturn]] void fail(const std::string& path, const std::string& what, int error) {
  throw UserError({path, 0, ""}, what + ": " + std::strerror(error));
}

std::string folder_of(const std::string& path) {
  const auto parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

class Descriptor {
 public:
  Descriptor(const std::string& path, int flags) : value_(::open(path.c_str(), flags, 0644)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  int value() const { return value_; }

 private:
  int value_;
};

/// 0, or the error after which nothing more could be written.
int write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return written < 0 ? errno : EIO;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

}  // namespace

bool exists(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0;
}

std::string read_file(const std::string& path, std::size_t limit) {
  const Descriptor file(path, O_RDONLY | O_CLOEXEC);
  if (file.value() < 0) fail(path, "cannot be opened", errno);
  std::string text;
  char piece[1 << 16];
  for (;;) {
    const ssize_t got = ::read(file.value(), piece, sizeof piece);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(path, "cannot be read", errno);
    if (got == 0) return text;
    if (text.size() + static_cast<std::size_t>(got) > limit)
      throw UserError({path, 0, ""}, "larger than " + std::to_string(limit >> 20) +
                                         " MiB: no record of this program");
    text.append(piece, static_cast<std::size_t>(got));
  }
}

void require_replaceable(const std::string& path) {
  if (std::error_code none; std::filesystem::is_directory(path, none))
    throw UserError({path, 0, ""}, "is a folder");
  const std::string folder = folder_of(path);
  if (::access(folder.c_str(), W_OK | X_OK) != 0)
    fail(path, "cannot write into the folder '" + folder + "'", errno);
}

void replace_file(const std::string& path, std::string_view text) {
  require_replaceable(path);
  const std::string temporary = path + ".partial";
  {
    const Descriptor file(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC);
    if (file.value() < 0) fail(temporary, "cannot be created", errno);
    int error = write_all(file.value(), text);
    if (error == 0 && ::fsync(file.value()) != 0) error = errno;
    if (error != 0) {
      ::unlink(temporary.c_str());
      fail(temporary, "cannot be written", error);
    }
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    const int error = errno;
    ::unlink(temporary.c_str());
    fail(path, "cannot be replaced", error);
  }
  const Descriptor folder(folder_of(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder.value() >= 0) ::fsync(folder.value());
}

LineFile::LineFile(std::string path, Mode mode) : path_(std::move(path)) {
  int flags = O_WRONLY | O_APPEND | O_CLOEXEC;
  if (mode == Mode::create_new) flags |= O_CREAT | O_EXCL;
  if (mode == Mode::create) flags |= O_CREAT;
  descriptor_ = ::open(path_.c_str(), flags, 0644);
  if (descriptor_ < 0) fail(path_, "cannot be opened for writing", errno);
}

LineFile::LineFile(LineFile&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

LineFile& LineFile::operator=(LineFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

LineFile::~LineFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void LineFile::append(std::string_view line) {
  std::string whole(line);
  whole += '\n';
  struct stat before {};
  const bool known = ::fstat(descriptor_, &before) == 0;
  if (const int error = write_all(descriptor_, whole); error != 0) {
    if (known && ::ftruncate(descriptor_, before.st_size) != 0)
      fail(path_, "cannot be written, and its last line is torn", error);
    fail(path_, "cannot be written", error);
  }
}

void LineFile::lock() {
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return;
  if (errno == EWOULDBLOCK) throw UserError({path_, 0, ""}, "another run is writing it");
  // A file system without locks is no reason not to measure.
}

void LineFile::truncate(std::size_t bytes) {
  if (::ftruncate(descriptor_, static_cast<off_t>(bytes)) != 0) fail(path_, "cannot be cut", errno);
}

void LineFile::remove() {
  if (::unlink(path_.c_str()) != 0) fail(path_, "cannot be removed", errno);
}

}  // namespace ergon::record
