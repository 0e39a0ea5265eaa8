// The document's fields, named once: writing, reading and the journal's lines all follow these
// lists.
//
// An Io is a Writer (write.cpp) or a Reader (from_json.cpp). `io(name, member)` is a field that is
// always there; `io.optional` one that is left out where it is empty; `io.object` an object inside;
// `io.number` a number that may be infinite or none. Internal to this folder.
#pragma once

#include "bench/record/document.h"

namespace ergon::record {

template <class Io>
void fields(Io& io, typename Io::template Of<Build>& build) {
  io("version", build.version);
  io.optional("commit", build.commit);
  io.optional("build_type", build.build_type);
  io.optional("compiler", build.compiler);
  io.optional("flags", build.flags);
}

template <class Io>
void fields(Io& io, typename Io::template Of<Suite>& suite) {
  io("name", suite.name);
  io.optional("text", suite.text);
  io.optional("sha256", suite.sha256);
}

template <class Io>
void fields(Io& io, typename Io::template Of<Library>& library) {
  io("name", library.name);
  io.optional("version", library.version);
  io.optional("path", library.path);
  io.optional("kernel", library.kernel);
}

template <class Io>
void fields(Io& io, typename Io::template Of<OtherBuild>& build) {
  io("label", build.label);
  io("command", build.command);
  io("ergon", build.ergon);
  io("libraries", build.libraries);
}

template <class Io>
void fields(Io& io, typename Io::template Of<LaunchStart>& start) {
  io("launch", start.launch);
  io("utc", start.utc);
}

template <class Io>
void fields(Io& io, typename Io::template Of<Beacon>& beacon) {
  io("launch", beacon.launch);
  io("start_seconds", beacon.start_seconds);
  io("seconds", beacon.seconds);
  io("busy", beacon.busy);
}

template <class Io>
void fields(Io& io, typename Io::template Of<Run>& run) {
  io("id", run.id);
  io("started_utc", run.started_utc);
  io("finished_utc", run.finished_utc);
  io("complete", run.complete);
  io("command", run.command);
  io("suite", run.suite);
  io("seed", run.seed);
  io("ergon", run.ergon);
  io("launches", run.launches);
  io.optional("interval_method", run.interval_method);
  io.optional("ceiling_rule", run.ceiling_rule);
  io.optional("other_build", run.other_build);
  io.optional("launch_starts", run.launch_starts);
  io.optional("beacons", run.beacons);
}

template <class Io>
void fields(Io& io, typename Io::template Of<Cache>& cache) {
  io("level", cache.level);
  io("bytes", cache.bytes);
  io("shared_by", cache.shared_by);
  io.optional("instances", cache.instances);
}

template <class Io>
void fields(Io& io, typename Io::template Of<Cpu>& cpu) {
  io.optional("model", cpu.model);
  io.optional("vendor", cpu.vendor);
  io.optional("family", cpu.family);
  io.optional("cores_used", cpu.cores_used);
  io.optional("cores", cpu.cores);
  io.optional("threads", cpu.threads);
  io.optional("sockets", cpu.sockets);
  io.optional("numa_nodes", cpu.numa_nodes);
  io("isa", cpu.isa);
  io("caches", cpu.caches);
}

template <class Io>
void fields(Io& io, typename Io::template Of<Host>& host) {
  io("cpu", host.cpu);
  io.optional("memory_bytes", host.memory_bytes);
  io.optional("os", host.os);
  io.optional("kernel", host.kernel);
  io("virtualised", host.virtualised);
  io("container", host.container);
  io("governor", host.governor);
  io("smt", host.smt);
  io("microcode", host.microcode);
  io.object("binding", [&](auto& in) {
    in.optional("policy", host.binding.policy);
    in("cores", host.binding.cores);
  });
  io.object("pages", [&](auto& in) {
    in.optional("thp", host.pages.thp);
    in.optional("policy", host.pages.policy);
    in.optional("alignment", host.pages.alignment);
  });
  io("variables", host.variables);
  io("libraries", host.libraries);
}

template <class Io>
void fields(Io& io, typename Io::template Of<Ceiling>& ceiling) {
  io("what", ceiling.what);
  io.optional("dtype", ceiling.dtype);
  io("threads", ceiling.threads);
  io("value_per_second", ceiling.value_per_second);
  io("interval95", ceiling.interval95);
  io.optional("method", ceiling.method);
}

template <class Io>
void fields(Io& io, typename Io::template Of<Device>& device) {
  io("id", device.id);
  io("kind", device.kind);
  io("name", device.name);
  io.optional("driver", device.driver);
  io.optional("memory_bytes", device.memory_bytes);
  io("ceilings", device.ceilings);
}

template <class Io>
void fields(Io& io, typename Io::template Of<UnavailableMeter>& meter) {
  io("meter", meter.meter);
  io("reason", meter.reason);
  io.optional("remedy", meter.remedy);
}

template <class Io>
void fields(Io& io, typename Io::template Of<Meter::Idle>& idle) {
  io("value", idle.value);
  io("interval95", idle.interval95);
}

/// Without `unavailable`, which one entry carries for all of them.
template <class Io>
void fields(Io& io, typename Io::template Of<Meter>& meter) {
  io("id", meter.id);
  io("scope", meter.scope);
  io("provenance", meter.provenance);
  io.optional("about", meter.about);
  io.optional("part", meter.part);
  io("relative_uncertainty", meter.relative_uncertainty);
  io("quantum_joules", meter.quantum_joules);
  io("period_seconds", meter.period_seconds);
  io("read_seconds", meter.read_seconds);
  io.optional("quantum_watts", meter.quantum_watts);
  io.optional("jitter_seconds", meter.jitter_seconds);
  io.optional("averaging_seconds", meter.averaging_seconds);
  io.optional("lag_seconds", meter.lag_seconds);
  io.optional("characterised", meter.characterised);
  io("shortest_window_seconds", meter.shortest_window_seconds);
  io("idle_watts", meter.idle_watts);
  io("primary", meter.primary);
}

template <class Io>
void fields(Io& io, typename Io::template Of<Price>& price) {
  io("id", price.id);
  io("basis", price.basis);
  io("usd_per_hour", price.usd_per_hour);
  io.optional("usd_per_hour_range", price.usd_per_hour_range);
  io("usd_per_kwh", price.usd_per_kwh);
  io.optional("source", price.source);
  io.optional("as_of", price.as_of);
  io.optional("region", price.region);
  io.optional("kind", price.kind);
  io.optional("confidence", price.confidence);
  io("share", price.share);
  io.optional("about", price.about);
}

template <class Io>
void fields(Io& io, typename Io::template Of<TimeSample>& sample) {
  io("start_seconds", sample.start_seconds);
  io("round", sample.round);
  io("position", sample.position);
  io("launch", sample.launch);
  io("calls", sample.calls);
  io("seconds", sample.seconds);
  io("flags", sample.flags);
  io("steal_seconds", sample.steal_seconds);
  io("involuntary_switches", sample.involuntary_switches);
  io("busy_seconds", sample.busy_seconds);
  io("frequency_hz", sample.frequency_hz);
}

template <class Io>
void fields(Io& io, typename Io::template Of<PowerPoint>& point) {
  io("seconds", point.seconds);
  io("watts", point.watts);
}

template <class Io>
void fields(Io& io, typename Io::template Of<EnergySample>& sample) {
  io("start_seconds", sample.start_seconds);
  io("seconds", sample.seconds);
  io("calls", sample.calls);
  io("launch", sample.launch);
  io("joules", sample.joules);
  io("error_joules", sample.error_joules);
  io("idle_watts", sample.idle_watts);
  io("flags", sample.flags);
  io.optional("trace", sample.trace);
}

template <class Io>
void fields(Io& io, typename Io::template Of<Energy>& energy) {
  io("meter", energy.meter);
  io("samples", energy.samples);
}

template <class Io>
void fields(Io& io, typename Io::template Of<Stage>& stage) {
  io("name", stage.name);
  io("per_call", stage.per_call);
  io.object("work", [&](auto& in) {
    in("flops", stage.flops);
    in("bytes", stage.bytes);
  });
  io("seconds_median", stage.seconds_median);
}

template <class Io>
void fields(Io& io, typename Io::template Of<Accuracy>& accuracy) {
  io.optional("reference", accuracy.reference);
  io.number("max_abs", accuracy.max_abs);
  io.number("rel_l2", accuracy.rel_l2);
  io("tolerance", accuracy.tolerance);
  io("checked_elements", accuracy.checked_elements);
  io.number("quantization_rel_l2", accuracy.quantization_rel_l2);
  io("verified_after", accuracy.verified_after);
}

template <class Io>
void fields(Io& io, typename Io::template Of<Implementation>& implementation) {
  io("backend", implementation.backend);
  io("name", implementation.name);
  io.optional("variant", implementation.variant);
  io.optional("detail", implementation.detail);
}

template <class Io>
void fields(Io& io, typename Io::template Of<Row::Cold>& cold) {
  io("bytes_between_uses", cold.bytes_between_uses);
  io("last_level_bytes", cold.last_level_bytes);
  io.optional("ceiling", cold.ceiling);
}

template <class Io>
void fields(Io& io, typename Io::template Of<Row::Imported>& imported) {
  io("tool", imported.tool);
  io.optional("version", imported.version);
}

template <class Io>
void identity_fields(Io& io, typename Io::template Of<Row>& row) {
  io("case", row.case_name);
  io("kernel", row.kernel);
  io("workload", row.workload);
  io("implementation", row.implementation);
  io.object("dtype", [&](auto& in) {
    in("inputs", row.dtype.inputs);
    in("weights", row.dtype.weights);
    in("accumulate", row.dtype.accumulate);
    in("output", row.dtype.output);
    in.optional("products", row.dtype.products);
  });
  io("device", row.device);
  io("threads", row.threads);
  io("cache", row.cache);
  io.optional("cold", row.cold);
  io("block", row.block);
}

template <class Io>
void status_fields(Io& io, typename Io::template Of<Row>& row) {
  io.optional("status", row.status);
  io.optional("reason", row.reason);
}

template <class Io>
void work_fields(Io& io, typename Io::template Of<Row>& row) {
  io.object("work", [&](auto& in) {
    in("flops", row.work.flops);
    in("bytes", row.work.bytes);
    in.optional("tokens", row.work.tokens);
    in.optional("bits_per_weight", row.work.bits_per_weight);
    in.optional("kv_bytes_per_token", row.work.kv_bytes_per_token);
    in.optional("full_square_flops", row.work.full_square_flops);
    in.optional("note", row.work.note);
  });
}

/// Left out as a whole where no inputs were drawn.
template <class Io>
void inputs_fields(Io& io, typename Io::template Of<Row>& row) {
  io.object_unless_empty("inputs", row.inputs.distribution, [&](auto& in) {
    in("distribution", row.inputs.distribution);
    in("seed", row.inputs.seed);
    in("entropy_bits_per_element", row.inputs.entropy_bits_per_element);
  });
}

template <class Io>
void summary_fields(Io& io, typename Io::template Of<Row>& row) {
  io("median", row.median);
  io("interval95", row.interval95);
  io.optional("interval_kind", row.interval_kind);
}

template <class Io>
void fields(Io& io, typename Io::template Of<Row>& row) {
  identity_fields(io, row);
  status_fields(io, row);
  work_fields(io, row);
  io("accuracy", row.accuracy);
  inputs_fields(io, row);
  io.object("time", [&](auto& in) {
    in.constant("unit", "seconds");
    in("samples", row.samples);
    summary_fields(in, row);
  });
  io("energy", row.energy);
  io("extra_meters", row.extra_meters);
  io("stages", row.stages);
  io.optional("imported_from", row.imported_from);
}

/// What is known before a row is measured: a journal's `start` line.
template <class Io>
void start_fields(Io& io, typename Io::template Of<Row>& row) {
  identity_fields(io, row);
  work_fields(io, row);
  inputs_fields(io, row);
}

/// What is known after it, samples apart: a journal's `result` line.
template <class Io>
void result_fields(Io& io, typename Io::template Of<Row>& row) {
  status_fields(io, row);
  io("accuracy", row.accuracy);
  summary_fields(io, row);
  io("stages", row.stages);
  io.optional("detail", row.implementation.detail);
  io.optional("imported_from", row.imported_from);
}

template <class Io>
void fields(Io& io, typename Io::template Of<Document>& document) {
  io.constant("schema", schema_name);
  io("run", document.run);
  io("host", document.host);
  io("devices", document.devices);
  io.meters("meters", document.meters, document.unavailable_meters);
  io("prices", document.prices);
  io("rows", document.rows);
}

}  // namespace ergon::record
