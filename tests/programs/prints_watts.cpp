// Prints watts as a management tool does, once or line by line.
//   usage: prints_watts WATTS [SECONDS-BETWEEN-LINES]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const double watts = std::atof(argv[1]);
  for (int line = 0;; ++line) {
    std::printf("    Instantaneous power reading:   %.1f Watts\n", watts + 0.1 * (line % 3));
    if (std::fflush(stdout) != 0 || argc < 3) return 0;
    std::this_thread::sleep_for(std::chrono::duration<double>(std::atof(argv[2])));
  }
}
