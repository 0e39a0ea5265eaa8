// Files on disk: read whole with a limit, appended line by line, replaced as a whole.
// Errors are UserErrors that name the file. Internal to this folder.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ergon::record {

bool exists(const std::string& path);

/// Also reads pipes. Refuses folders and more than `limit` bytes.
std::string read_file(const std::string& path, std::size_t limit);

/// Writes a temporary file in the same folder, forces it to the disk and renames it to `path`: at
/// any moment `path` holds the old text or the new one.
void replace_file(const std::string& path, std::string_view text);

/// Throws where replace_file could not succeed: no such folder, no permission, `path` is a folder.
void require_replaceable(const std::string& path);

/// A file that grows by whole lines; each line is one write at the file's end.
class LineFile {
 public:
  enum class Mode { create_new, create, existing };
  LineFile(std::string path, Mode mode);
  LineFile(LineFile&& other) noexcept;
  LineFile& operator=(LineFile&& other) noexcept;
  ~LineFile();
  const std::string& path() const noexcept { return path_; }
  /// `line` without its newline. Where the disk is full, takes back what was written of it.
  void append(std::string_view line);
  /// Until it is closed, no other process can lock it; throws where one has.
  void lock();
  void truncate(std::size_t bytes);
  void remove();

 private:
  std::string path_;
  int descriptor_ = -1;
};

}  // namespace ergon::record
