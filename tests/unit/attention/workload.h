// Workloads of attention for its tests.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "kernels/attention/attention.h"

namespace ergon {

inline Attention attention_of(const FieldMap& fields) {
  return dynamic_cast<const Attention&>(*attention_family().make(fields));
}

inline FieldMap prefill_of(std::int64_t q_heads, std::int64_t kv_len, FieldMap more = {}) {
  more.insert({{"phase", std::string("prefill")}, {"q_heads", q_heads}, {"kv_len", kv_len}});
  return more;
}
inline FieldMap decode_of(std::int64_t q_heads, std::int64_t kv_len, FieldMap more = {}) {
  more.insert({{"phase", std::string("decode")}, {"q_heads", q_heads}, {"kv_len", kv_len}});
  return more;
}

inline FieldValue whole(std::int64_t value) { return value; }
inline FieldValue word(const char* value) { return std::string(value); }

}  // namespace ergon
