#include "bench/record/lookup.h"

namespace ergon::record {

const Device* find_device(const Document& document, std::string_view id) {
  for (const Device& device : document.devices)
    if (device.id == id) return &device;
  return nullptr;
}

const Meter* find_meter(const Document& document, std::string_view id) {
  for (const Meter& meter : document.meters)
    if (meter.id == id) return &meter;
  return nullptr;
}

const Meter* primary_meter(const Document& document) {
  for (const Meter& meter : document.meters)
    if (meter.primary) return &meter;
  return document.meters.empty() ? nullptr : &document.meters.front();
}

bool is_ceiling(const Row& row) { return row.kernel == "ceiling"; }

const std::string& products_of(const Row& row) {
  return row.dtype.products.empty() ? row.dtype.weights : row.dtype.products;
}

std::string ceiling_name(std::string_view measured) {
  return (measured == "flops" ? "" : "bandwidth_") + std::string(measured);
}

Maybe<std::string> memory_ceiling_of(const Row& row) {
  if (row.cache == "warm")
    return Absent{"warm operands may stay in caches, which memory bandwidth does not limit"};
  return row.cold && row.cold->ceiling ? *row.cold->ceiling : ceiling_name("read");
}

const Ceiling* find_ceiling(const Document& document, const Row& row, std::string_view what) {
  const Device* device = find_device(document, row.device);
  if (!device) return nullptr;
  const std::string_view dtype = what == "flops" ? std::string_view(products_of(row)) : "";
  for (const Ceiling& ceiling : device->ceilings)
    if (ceiling.what == what && ceiling.dtype == dtype && ceiling.threads == row.threads)
      return &ceiling;
  return nullptr;
}

}  // namespace ergon::record
