// Finding the parts of a document that a row refers to.
#pragma once

#include <string>
#include <string_view>

#include "bench/record/document.h"

namespace ergon::record {

/// nullptr where there is none of that id.
const Device* find_device(const Document& document, std::string_view id);
const Meter* find_meter(const Document& document, std::string_view id);
/// The one marked primary, else the first; nullptr without meters.
const Meter* primary_meter(const Document& document);
/// The dtype that the row multiplies.
const std::string& products_of(const Row& row);
/// The ceiling of the row's device, threads and (for "flops") products; it may have no value.
const Ceiling* find_ceiling(const Document& document, const Row& row, std::string_view what);
/// A row that measures the machine's limit and not a kernel.
bool is_ceiling(const Row& row);

}  // namespace ergon::record
