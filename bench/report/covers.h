// Whether a row's joules are of what ran it: a board that stood by draws power too, and none of it
// for the row.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "bench/record/document.h"

namespace ergon::report {

/// `part` as in the record's meters, `device_kind` as in its devices. False only where both are
/// known and one is a processor and the other an accelerator. A machine's meter covers what is in
/// it; an integrated GPU may be within a processor's package or beside it.
bool covers(std::string_view part, std::string_view device_kind) noexcept;

/// Why the joules of the row's meter are not the row's; nothing where they are, where it is not
/// known, and where the row has none.
std::optional<std::string> why_not_covered(const record::Document& document,
                                           const record::Row& row);

/// "the processor", "an accelerator", "the machine"; empty where the meter does not say.
std::string_view part_text(std::string_view part) noexcept;

}  // namespace ergon::report
