#include "bench/record/assemble.h"

#include <algorithm>
#include <functional>

#include "bench/base/error.h"
#include "bench/record/lookup.h"
#include "bench/record/parse.h"
#include "bench/record/reader.h"
#include "bench/record/status.h"
#include "bench/record/writer.h"

namespace ergon::record {
namespace {

struct StartFacts {
  Row row;
};
struct ResultFacts {
  Row row;
};

template <class Io>
void fields(Io& io, typename Io::template Of<StartFacts>& facts) {
  start_fields(io, facts.row);
}
template <class Io>
void fields(Io& io, typename Io::template Of<ResultFacts>& facts) {
  result_fields(io, facts.row);
}

Json numbered(std::size_t number) { return {{"row", number}}; }

class Assembler {
 public:
  void header(const Json& json) {
    Reader reader(json, root_);
    reader.constant("journal", schema_name);
    reader("document", document);
    reader.finish();
    if (!document.rows.empty()) throw Misfit(root_, "a journal's first line holds no rows");
  }

  void fact(const Json& json) {
    Reader reader(json, root_);
    if (json.contains("row")) {
      row_fact(json, reader);
    } else if (json.contains("launch")) {
      LaunchStart start;
      reader("launch", start);
      begin(start);
    } else if (json.contains("beacon")) {
      reader("beacon", document.run.beacons.emplace_back());
    } else if (json.contains("ceiling")) {
      reader.object("ceiling", [&](auto& in) { ceiling(in); });
    } else {
      reader.object("idle", [&](auto& in) { idle(in); });
    }
    reader.finish();
  }

  void conclude() {
    settle(document);
    for (std::size_t i = 0; i < document.rows.size(); ++i)
      if (!finished_[i]) {
        document.rows[i].status.clear();
        document.rows[i].reason.clear();
      }
  }

  Document document;

 private:
  void row_fact(const Json& json, Reader& reader) {
    std::uint64_t number = 0;
    reader("row", number);
    if (json.contains("start")) return start(number, reader);
    if (number >= document.rows.size()) throw Misfit(root_, "a fact of a row that was not started");
    Row& row = document.rows[number];
    if (json.contains("time"))
      reader("time", row.samples.emplace_back());
    else if (json.contains("energy"))
      reader.object("energy", [&](auto& in) { energy(in, row); });
    else
      result(number, reader);
  }

  void start(std::uint64_t number, Reader& reader) {
    StartFacts facts;
    reader("start", facts);
    if (number > document.rows.size()) throw Misfit(root_, "a row's number is left out");
    if (number < document.rows.size()) {
      if (key(facts.row) != key(document.rows[number]))
        throw Misfit(root_, "two rows have the same number");
      Row& row = document.rows[number];
      row.block = facts.row.block;
      // An earlier launch may have ended before it had inputs.
      if (row.inputs.distribution.empty()) row.inputs = facts.row.inputs;
      return;
    }
    document.rows.push_back(std::move(facts.row));
    finished_.push_back(false);
  }

  void energy(Reader& in, Row& row) {
    std::string meter;
    EnergySample sample;
    in("meter", meter);
    in("sample", sample);
    const Meter* primary = primary_meter(document);
    if (!primary || primary->id == meter) {
      Energy energy = row.energy ? *row.energy : Energy{meter, {}};
      energy.samples.push_back(std::move(sample));
      row.energy = std::move(energy);
      return;
    }
    const auto it = std::find_if(row.extra_meters.begin(), row.extra_meters.end(),
                                 [&](const Energy& e) { return e.meter == meter; });
    Energy& extra =
        it == row.extra_meters.end() ? row.extra_meters.emplace_back(Energy{meter, {}}) : *it;
    extra.samples.push_back(std::move(sample));
  }

  // What was wrong or failed in one launch is not mended by the next.
  void result(std::uint64_t number, Reader& reader) {
    ResultFacts facts;
    Maybe<std::string> no_energy;
    reader("result", facts);
    reader.optional("no_energy", no_energy);
    Row& row = document.rows[number];
    const bool spoilt = row.status == "wrong" || row.status == "failed";
    if (finished_[number] && spoilt) return;
    finished_[number] = true;
    row.status = std::move(facts.row.status);
    row.reason = std::move(facts.row.reason);
    row.accuracy = std::move(facts.row.accuracy);
    row.median = std::move(facts.row.median);
    row.interval95 = std::move(facts.row.interval95);
    row.interval_kind = std::move(facts.row.interval_kind);
    row.stages = std::move(facts.row.stages);
    row.implementation.detail = std::move(facts.row.implementation.detail);
    row.imported_from = std::move(facts.row.imported_from);
    if (!row.energy) row.energy = Absent{no_energy.reason()};
  }

  void begin(const LaunchStart& start) {
    auto& starts = document.run.launch_starts;
    const auto same = [&](const auto& other) { return other.launch == start.launch; };
    if (const auto it = std::find_if(starts.begin(), starts.end(), same); it != starts.end()) {
      *it = start;
      std::erase_if(document.run.beacons, same);
    } else {
      starts.push_back(start);
    }
  }

  void ceiling(Reader& in) {
    std::string id;
    Ceiling ceiling;
    in("device", id);
    in("limit", ceiling);
    for (Device& device : document.devices) {
      if (device.id != id) continue;
      const auto same = [&](const Ceiling& c) {
        return c.what == ceiling.what && c.dtype == ceiling.dtype && c.threads == ceiling.threads;
      };
      const auto it = std::find_if(device.ceilings.begin(), device.ceilings.end(), same);
      if (it == device.ceilings.end())
        device.ceilings.push_back(std::move(ceiling));
      else
        *it = std::move(ceiling);
      return;
    }
    throw Misfit(root_, "a ceiling of the device '" + id + "', which the first line lacks");
  }

  void idle(Reader& in) {
    std::string id, when;
    Maybe<Meter::Idle> watts;
    in("meter", id);
    in("when", when);
    in("watts", watts);
    const auto it = std::find_if(document.meters.begin(), document.meters.end(),
                                 [&](const Meter& meter) { return meter.id == id; });
    if (it == document.meters.end())
      throw Misfit(root_, "idle watts of the meter '" + id + "', which the first line lacks");
    if (watts) idles_[id].push_back(*watts);
    if (idles_[id].empty())
      it->idle_watts = std::move(watts);
    else
      it->idle_watts = together(idles_[id]);
  }

  /// The mean, within the range of all: a drift between before and after shows as its width.
  static Meter::Idle together(const std::vector<Meter::Idle>& all) {
    Meter::Idle out = all.front();
    double sum = 0;
    for (const auto& idle : all) {
      sum += idle.value;
      out.interval95.low = std::min(out.interval95.low, idle.interval95.low);
      out.interval95.high = std::max(out.interval95.high, idle.interval95.high);
    }
    out.value = sum / static_cast<double>(all.size());
    return out;
  }

  const Path root_{};
  std::vector<bool> finished_;
  std::map<std::string, std::vector<Meter::Idle>> idles_;
};

void take_line(const std::string& file, int number, const std::function<void()>& take) {
  try {
    take();
  } catch (const Misfit& misfit) {
    throw UserError({file, number, misfit.pointer}, misfit.what());
  }
}

}  // namespace

std::string header_line(const Document& header) {
  Json json;
  Writer writer(json);
  writer.constant("journal", schema_name);
  writer("document", header);
  return one_line(json);
}

std::string start_line(std::size_t number, const Row& row) {
  Json json = numbered(number);
  json["start"] = Writer::json_of(StartFacts{row});
  return one_line(json);
}

std::string time_line(std::size_t number, const TimeSample& sample) {
  Json json = numbered(number);
  json["time"] = Writer::json_of(sample);
  return one_line(json);
}

std::string energy_line(std::size_t number, const std::string& meter, const EnergySample& sample) {
  Json json = numbered(number);
  json["energy"] = {{"meter", meter}, {"sample", Writer::json_of(sample)}};
  return one_line(json);
}

std::string result_line(std::size_t number, const Row& row) {
  Json json = numbered(number);
  json["result"] = Writer::json_of(ResultFacts{row});
  if (!row.energy) json["no_energy"] = Json{{"absent", row.energy.reason()}};
  return one_line(json);
}

std::string launch_line(const LaunchStart& start) {
  return one_line({{"launch", Writer::json_of(start)}});
}

std::string beacon_line(const Beacon& beacon) {
  return one_line({{"beacon", Writer::json_of(beacon)}});
}

std::string ceiling_line(const std::string& device, const Ceiling& ceiling) {
  return one_line({{"ceiling", {{"device", device}, {"limit", Writer::json_of(ceiling)}}}});
}

std::string idle_line(const std::string& meter, const std::string& when,
                      const Maybe<Meter::Idle>& idle) {
  return one_line({{"idle", {{"meter", meter}, {"when", when}, {"watts", Writer::json_of(idle)}}}});
}

Assembled assemble(std::string_view text, const std::string& file) {
  Assembled out;
  Assembler assembler;
  int number = 0;
  while (out.bytes < text.size()) {
    const auto end = text.find('\n', out.bytes);
    if (end == std::string_view::npos) {
      out.notes.push_back(file + ": the last line is torn and left out");
      break;
    }
    const auto line = text.substr(out.bytes, end - out.bytes);
    const Json json = parse(line, file, ++number);
    take_line(file, number, [&] { number == 1 ? assembler.header(json) : assembler.fact(json); });
    out.bytes = end + 1;
  }
  if (number == 0) throw UserError({file, 1, ""}, "a journal without its first line");
  assembler.conclude();
  out.document = std::move(assembler.document);
  out.document.run.complete = false;
  return out;
}

}  // namespace ergon::record
