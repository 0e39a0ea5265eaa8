/* A C program that times a call as one would by hand: batches of calls that fill BATCH seconds
   between two readings of CLOCK_MONOTONIC, and their median.
   plain_loop LIBRARY SIZE BATCH BATCHES -> "seconds per call, file" on stdout */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/experiments/plain_call.h"

static double seconds_of(long calls) {
  struct timespec start, end;
  clock_gettime(CLOCK_MONOTONIC, &start);
  for (long i = 0; i < calls; ++i) call();
  clock_gettime(CLOCK_MONOTONIC, &end);
  return (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) * 1e-9;
}

static int ascending(const void* left, const void* right) {
  const double a = *(const double*)left, b = *(const double*)right;
  return (a > b) - (a < b);
}

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  const double batch = atof(argv[3]);
  const int batches = atoi(argv[4]);
  if (batch <= 0 || batches < 1) return 2;
  prepare_call(argv[1], atoi(argv[2]));

  long calls = 1;
  while (seconds_of(calls) < batch / 2) calls *= 2;
  double* samples = malloc((size_t)batches * sizeof *samples);
  if (!samples) return 2;
  for (int i = 0; i < batches; ++i) samples[i] = seconds_of(calls) / (double)calls;
  qsort(samples, (size_t)batches, sizeof *samples, ascending);
  const double low = samples[(batches - 1) / 2], high = samples[batches / 2];
  printf("%.9g %s\n", (low + high) / 2, called_file());
  free(samples);
  return 0;
}
