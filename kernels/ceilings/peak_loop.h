// The multiply-add loop of every instruction set but AMX, over a Unit that names its instructions:
//
//   Operand, Sum        register types
//   Element, Result     types of their elements
//   fours               accumulators / 4: at least latency times ports of the instruction, at most
//                       what the register file holds beside the three operands
//   element(A)          an integer as Element
//   hide(Sum&)          makes the value unknown to the compiler
//   multiply_add(c, a, b)
//
// Units live in unnamed namespaces, and so do the instances of these templates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace ergon::ceilings {

/// first * first + less * more = 1 in every element.
template <class Unit>
struct Operands {
  typename Unit::Operand first, less, more;

  explicit Operands(const std::int32_t* factors) {
    constexpr std::size_t elements = sizeof(first) / sizeof(typename Unit::Element);
    typename Unit::Element a[elements], l[elements], m[elements];
    for (std::size_t i = 0; i < elements; ++i) {
      a[i] = Unit::element(factors[i]);
      l[i] = Unit::element(factors[i] - 1);
      m[i] = Unit::element(-factors[i] - 1);
    }
    std::memcpy(&first, a, sizeof first);
    std::memcpy(&less, l, sizeof less);
    std::memcpy(&more, m, sizeof more);
  }
};

/// Four accumulators by name, or none: an array of them may end up in memory.
template <class Unit, bool wanted = true>
struct Four {
  typename Unit::Sum c0{}, c1{}, c2{}, c3{};

  // Zeros that the compiler knows would make c0 and c2 one value.
  Four() {
    Unit::hide(c0);
    Unit::hide(c1);
    Unit::hide(c2);
    Unit::hide(c3);
  }
  // Neighbours take different operands, so that the multiplier's inputs change with every
  // instruction.
  void odd_step(Operands<Unit>& o) {
    Unit::multiply_add(c0, o.first, o.first);
    Unit::multiply_add(c1, o.less, o.more);
    Unit::multiply_add(c2, o.first, o.first);
    Unit::multiply_add(c3, o.less, o.more);
  }
  void even_step(Operands<Unit>& o) {
    Unit::multiply_add(c0, o.less, o.more);
    Unit::multiply_add(c1, o.first, o.first);
    Unit::multiply_add(c2, o.less, o.more);
    Unit::multiply_add(c3, o.first, o.first);
  }
  std::int64_t total() const { return sum(c0) + sum(c1) + sum(c2) + sum(c3); }

 private:
  static std::int64_t sum(const typename Unit::Sum& accumulator) {
    typename Unit::Result lane[sizeof(accumulator) / sizeof(typename Unit::Result)];
    std::memcpy(lane, &accumulator, sizeof lane);
    std::int64_t result = 0;
    for (const auto value : lane) result += static_cast<std::int64_t>(value);
    return result;
  }
};

template <class Unit>
struct Four<Unit, false> {
  void odd_step(Operands<Unit>&) {}
  void even_step(Operands<Unit>&) {}
  std::int64_t total() const { return 0; }
};

template <class Unit>
std::int64_t peak_loop(const std::int32_t* factors, std::int64_t iterations) {
  static_assert(Unit::fours >= 2 && Unit::fours <= 4);
  Operands<Unit> o(factors);
  Four<Unit> w, x;
  Four<Unit, (Unit::fours > 2)> y;
  Four<Unit, (Unit::fours > 3)> z;
  for (; iterations > 0; --iterations) {
    w.odd_step(o);
    x.odd_step(o);
    y.odd_step(o);
    z.odd_step(o);
    w.even_step(o);
    x.even_step(o);
    y.even_step(o);
    z.even_step(o);
  }
  return w.total() + x.total() + y.total() + z.total();
}

/// Two steps of all accumulators; a multiply-add counts 2.
template <class Unit>
constexpr std::int64_t flops_per_iteration() {
  return 2 * Unit::fours * 4 * (sizeof(typename Unit::Operand) / sizeof(typename Unit::Element)) *
         2;
}

}  // namespace ergon::ceilings
