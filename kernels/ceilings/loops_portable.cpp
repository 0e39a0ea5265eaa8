// Loops for any processor: vectors of 16 bytes as the compiler's generic types, with the build's
// own flags (SSE2 on x86-64, NEON on 64-bit Arm, where multiply and add fuse).
#include "kernels/ceilings/loops.h"
#include "kernels/ceilings/peak_loop.h"
#include "kernels/ceilings/stream_loop.h"

namespace ergon::ceilings {
namespace {

typedef double F64 __attribute__((vector_size(16)));
typedef float F32 __attribute__((vector_size(16)));
typedef std::int16_t S16 __attribute__((vector_size(16)));
typedef std::int32_t S32 __attribute__((vector_size(16)));
typedef std::uint32_t U32 __attribute__((vector_size(16)));

template <class Vector>
void unknown_from_here(Vector& value) {
#if defined(__x86_64__)
  __asm__ volatile("" : "+x"(value));
#elif defined(__aarch64__)
  __asm__ volatile("" : "+w"(value));
#else
  __asm__ volatile("" : "+m"(value));
#endif
}

#if defined(__aarch64__)
constexpr int accumulators = 16;  // up to four ports of latency four, 32 registers
#else
constexpr int accumulators = 8;  // two ports of latency four, shared by the multiplies
#endif

template <class Vector, class Scalar>
struct Float {
  using Operand = Vector;
  using Sum = Vector;
  using Element = Scalar;
  using Result = Scalar;
  static constexpr int fours = accumulators / 4;
  static Scalar element(std::int32_t value) { return static_cast<Scalar>(value); }
  static void hide(Vector& value) { unknown_from_here(value); }
  static void multiply_add(Vector& c, Vector& a, const Vector& b) {
    unknown_from_here(a);  // or one product would serve all accumulators
    c += a * b;
  }
};

// Bytes widened to 16 bits beforehand; products fit 16 bits and are added in 32.
struct S8 {
  using Operand = S16;
  using Sum = S32;
  using Element = std::int16_t;
  using Result = std::int32_t;
  static constexpr int fours = 2;
  static std::int16_t element(std::int32_t value) { return static_cast<std::int16_t>(value); }
  static void hide(S32& value) { unknown_from_here(value); }
  static void multiply_add(S32& c, S16& a, const S16& b) {
    unknown_from_here(a);
    const S32 products = reinterpret_cast<S32>(a * b);
    c += ((products << 16) >> 16) + (products >> 16);
    unknown_from_here(c);  // or two steps' products would be added first, and need more registers
  }
};

struct Register {
  using Floats = F32;
  using Words = U32;
  static F32 load(const float* from) { return *reinterpret_cast<const F32*>(from); }
  static U32 load_words(const float* from) { return reinterpret_cast<U32>(load(from)); }
  static void store(float* to, F32 value) { *reinterpret_cast<F32*>(to) = value; }
  static U32 add(U32 a, U32 b) { return a + b; }
  static F32 triad(F32 a, F32 b) { return a + 3 * b; }
  static F32 negative(F32 a) { return -1 * a; }
};

}  // namespace

constinit const FlopsLoop portable_f64 = {DType::f64, "2 lanes, accumulators by name",
                                          flops_per_iteration<Float<F64, double>>(),
                                          peak_loop<Float<F64, double>>};
constinit const FlopsLoop portable_f32 = {DType::f32, "4 lanes, accumulators by name",
                                          flops_per_iteration<Float<F32, float>>(),
                                          peak_loop<Float<F32, float>>};
constinit const FlopsLoop portable_s8 = {DType::s8, "8 lanes of 16 bits, sums of 32 bits",
                                         flops_per_iteration<S8>(), peak_loop<S8>};
constinit const StreamLoops portable_streams = {Streams<Register>::read, Streams<Register>::copy,
                                                Streams<Register>::triad,
                                                Streams<Register>::update};

}  // namespace ergon::ceilings
