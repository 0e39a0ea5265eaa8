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
/// A ceiling's `what` in the record, of the field `what` of the workload that measures it: "flops",
/// and "bandwidth_read" of "read".
std::string ceiling_name(std::string_view measured);
/// Which ceiling bounds the row's bytes: the one that it names, else "bandwidth_read", which
/// bounded every row before rows named one. Absent, with the reason, where it says that none does,
/// and for warm rows.
Maybe<std::string> memory_ceiling_of(const Row& row);
/// A row that measures the machine's limit and not a kernel.
bool is_ceiling(const Row& row);

}  // namespace ergon::record
