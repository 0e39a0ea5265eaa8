// SHA-256 of a text, so that a record can name the very suite it ran. Method: FIPS PUB 180-4.
#pragma once

#include <string>
#include <string_view>

namespace ergon {

/// 64 lower-case hexadecimal digits.
std::string sha256_hex(std::string_view text);

}  // namespace ergon
