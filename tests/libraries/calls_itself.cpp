// Honest, by way of an exported function of its own that other libraries export too: it answers
// only where the loader keeps its calls inside it.
#include "tests/libraries/call.h"

#define ERGON_TEST_INTERNAL extern "C" __attribute__((visibility("default"), noinline))

ERGON_TEST_INTERNAL void sgemm_(const Call<float>* call) { answer_honestly(*call); }
ERGON_TEST_INTERNAL void dgemm_(const Call<double>* call) { answer_honestly(*call); }

namespace {

void answer(const Call<float>& call) { sgemm_(&call); }
void answer(const Call<double>& call) { dgemm_(&call); }

}  // namespace

#include "tests/libraries/exports.h"
