// What `ergon doctor` found, for people.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace ergon::cli {

/// Prints to standard output, in lines of at most 110 characters.
void print_doctor(const nlohmann::ordered_json& all);

}  // namespace ergon::cli
