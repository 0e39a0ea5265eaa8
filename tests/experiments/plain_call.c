#define _GNU_SOURCE
#include "tests/experiments/plain_call.h"

#include <dlfcn.h>
#include <oneapi/dnnl/dnnl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void (*Sgemm)(int, int, int, int, int, int, float, const float*, int, const float*, int,
                      float, float*, int);

#if DNNL_VERSION_MAJOR < 3
typedef const dnnl_memory_desc_t* const_dnnl_memory_desc_t;
#endif

static Sgemm sgemm; /* null: oneDNN is called */
static int n;
static float *a, *b, *c;
static dnnl_primitive_t matmul;
static dnnl_stream_t stream;
static dnnl_exec_arg_t arguments[3];

static void give_up(const char* what, const char* why) {
  fprintf(stderr, "plain call: %s: %s\n", what, why);
  exit(2);
}

static void check(dnnl_status_t status, const char* what) {
  if (status != dnnl_success) give_up(what, "oneDNN refused");
}

static float* matrix(uint32_t state) {
  const size_t count = (size_t)n * (size_t)n;
  float* values = aligned_alloc(4096, (count * sizeof(float) + 4095) / 4096 * 4096);
  if (!values) give_up("matrix", "out of memory");
  for (size_t i = 0; i < count; ++i) {
    state = state * 1664525u + 1013904223u; /* Numerical Recipes, section 7.1 */
    values[i] = (float)(state >> 8) * 0x1p-23f - 1;
  }
  return values;
}

static dnnl_exec_arg_t bind(int argument, const_dnnl_memory_desc_t desc, dnnl_engine_t engine,
                            float* values) {
  dnnl_exec_arg_t out = {argument, NULL};
  check(dnnl_memory_create(&out.memory, desc, engine, values), "memory");
  return out;
}

static void prepare_onednn(void) {
  dnnl_engine_t engine;
  check(dnnl_engine_create(&engine, dnnl_cpu, 0), "engine");
  check(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags), "stream");
  const dnnl_dims_t sizes = {n, n}, strides = {n, 1};
  dnnl_primitive_desc_t primitive;
#if DNNL_VERSION_MAJOR >= 3
  dnnl_memory_desc_t square;
  check(dnnl_memory_desc_create_with_strides(&square, 2, sizes, dnnl_f32, strides), "layout");
  check(dnnl_matmul_primitive_desc_create(&primitive, engine, square, square, NULL, square, NULL),
        "matmul");
  const const_dnnl_memory_desc_t desc = square;
#else
  dnnl_memory_desc_t square;
  dnnl_matmul_desc_t operation;
  check(dnnl_memory_desc_init_by_strides(&square, 2, sizes, dnnl_f32, strides), "layout");
  check(dnnl_matmul_desc_init(&operation, &square, &square, NULL, &square), "matmul");
  check(dnnl_primitive_desc_create(&primitive, &operation, NULL, engine, NULL), "matmul");
  const const_dnnl_memory_desc_t desc = &square;
#endif
  check(dnnl_primitive_create(&matmul, primitive), "matmul");
  arguments[0] = bind(DNNL_ARG_SRC, desc, engine, a);
  arguments[1] = bind(DNNL_ARG_WEIGHTS, desc, engine, b);
  arguments[2] = bind(DNNL_ARG_DST, desc, engine, c);
}

static void prepare_cblas(const char* library) {
  void* handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (!handle) give_up(library, dlerror());
  sgemm = (Sgemm)(intptr_t)dlsym(handle, "cblas_sgemm");
  if (!sgemm) give_up(library, "exports no cblas_sgemm");
}

void prepare_call(const char* library, int size) {
  if (size < 1) give_up("size", "is not above zero");
  n = size;
  a = matrix(1);
  b = matrix(2);
  c = matrix(3);
  if (strcmp(library, "onednn") == 0)
    prepare_onednn();
  else
    prepare_cblas(library);
}

void call(void) {
  if (sgemm) {
    sgemm(101, 111, 111, n, n, n, 1, a, n, b, n, 0, c, n);
    return;
  }
  check(dnnl_primitive_execute(matmul, stream, 3, arguments), "execute");
  check(dnnl_stream_wait(stream), "wait");
}

const char* called_file(void) {
  static char file[4096];
  Dl_info where;
  const void* code = sgemm ? (void*)(intptr_t)sgemm : (void*)(intptr_t)dnnl_version;
  if (!dladdr(code, &where) || !realpath(where.dli_fname, file)) give_up("dladdr", "does not know");
  return file;
}
