// A command line as a list of words, split as a shell splits it, without anything a shell would
// expand: no variables, globs, substitutions, redirections or lists of commands.
//
// White space separates words. Between single quotes everything stands for itself; between double
// quotes too, but for \" and \\; elsewhere a backslash makes the character after it stand for
// itself. Pieces that touch are one word: a"b c"d is one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bench/base/maybe.h"

namespace ergon {

/// Absent where a quote is not closed, a backslash ends the text, or the text holds a NUL.
Maybe<std::vector<std::string>> split_words(std::string_view text);

}  // namespace ergon
