// Prints watts as a management tool does, once or line by line. They swing by 0.2 W, as those of a
// sensor that works do.
//   usage: prints_watts WATTS [SECONDS-BETWEEN-LINES]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const double watts = std::atof(argv[1]);
  for (int line = 0;; ++line) {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    const auto swing =
        (argc < 3 ? std::chrono::duration_cast<std::chrono::milliseconds>(now).count() / 37
                  : line) %
        3;
    std::printf("    Instantaneous power reading:   %.1f Watts\n",
                watts + 0.1 * static_cast<double>(swing));
    if (std::fflush(stdout) != 0 || argc < 3) return 0;
    std::this_thread::sleep_for(std::chrono::duration<double>(std::atof(argv[2])));
  }
}
