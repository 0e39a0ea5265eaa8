/* One f32 GEMM, C = A B of square row-major matrices, called without anything of Ergon's: what the
   loops that Ergon is compared with call. Methods: cblas_sgemm of a library opened by dlopen;
   oneDNN's matmul primitive through its C interface on plain strides (2.6 and 3.x). Threads are
   what the environment says (OMP_NUM_THREADS). Matrices start on a page and hold values in [-1, 1).
   Any failure ends the process with a line on stderr and exit code 2. */
#ifndef ERGON_TESTS_EXPERIMENTS_PLAIN_CALL_H
#define ERGON_TESTS_EXPERIMENTS_PLAIN_CALL_H

#ifdef __cplusplus
extern "C" {
#endif

/* `library`: "onednn", or a CBLAS as for dlopen. */
void prepare_call(const char* library, int size);
void call(void);
/* The file whose code is called. */
const char* called_file(void);

#ifdef __cplusplus
}
#endif
#endif
