// Starts the machine writer, and is its clock, its load and the truth about its joules.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <thread>

#include "bench/base/clock.h"
#include "bench/meters/characterise.h"
#include "tests/machine/shared.h"

namespace machine {

class Running final : public ergon::Clock, public ergon::Load {
 public:
  explicit Running(const char* writer, bool real = false) {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "ergon-machine-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    const std::string sysfs = this->sysfs();
    const std::string file = (folder_ / "shared").string();
    std::filesystem::create_directories(sysfs);
    const int descriptor = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (ftruncate(descriptor, sizeof(Shared)) != 0) throw std::runtime_error("no shared file");
    void* mapped = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    close(descriptor);
    if (mapped == MAP_FAILED) throw std::runtime_error("no shared memory");
    shared_ = static_cast<Shared*>(mapped);
    process_ = fork();
    if (process_ == 0) {
      execl(writer, writer, sysfs.c_str(), file.c_str(), real ? "real" : nullptr, nullptr);
      _exit(127);
    }
    while (shared_->moments < 10) {
      if (waitpid(process_, nullptr, WNOHANG) != 0) throw std::runtime_error("the writer ended");
      pause();
    }
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() override {
    shared_->stop = true;
    waitpid(process_, nullptr, 0);
    munmap(shared_, sizeof(Shared));
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  std::string sysfs() const { return (folder_ / "sys").string(); }
  double now_seconds() override { return latest().seconds; }
  void sleep_until(double seconds) override {
    while (now_seconds() < seconds) {
      if (shared_->moments == most_moments) throw std::runtime_error("the machine's log is full");
      pause();
    }
  }
  void set(bool on) override { shared_->busy = on; }
  void fail(Fault fault) { shared_->fault = fault; }

  /// All that flowed until then.
  double joules(double seconds) const {
    const Moment* end = shared_->log + shared_->moments.load(std::memory_order_acquire);
    const Moment* begin = shared_->log;
    const Moment* after = std::lower_bound(
        begin, end, seconds, [](const Moment& m, double then) { return m.seconds < then; });
    if (after == end) throw std::logic_error("the future's energy is not known");
    if (after == begin || after->seconds == seconds) return after->joules;
    const Moment& before = after[-1];
    const double share = (seconds - before.seconds) / (after->seconds - before.seconds);
    return before.joules + share * (after->joules - before.joules);
  }

 private:
  static void pause() { std::this_thread::sleep_for(std::chrono::microseconds(200)); }
  const Moment& latest() const {
    return shared_->log[shared_->moments.load(std::memory_order_acquire) - 1];
  }

  std::filesystem::path folder_;
  Shared* shared_ = nullptr;
  pid_t process_ = -1;
};

}  // namespace machine
