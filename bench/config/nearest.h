// The known name that a mistyped one is most likely meant to be.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace ergon::config {

/// The candidate with the fewest single-character edits (Levenshtein distance) from `word`; the
/// first of equals. Empty where there are none.
std::string nearest(std::string_view word, std::span<const std::string> candidates);

/// "; did you mean 'seed'?"; empty where nothing is near.
std::string guess(std::string_view word, std::span<const std::string> candidates);

/// "; did you mean 'seed'?", or where nothing is near: "; known: name, seed".
std::string did_you_mean(std::string_view word, std::span<const std::string> candidates);

}  // namespace ergon::config
