#include "bench/record/journal.h"

#include <array>
#include <stdexcept>
#include <utility>

#include "bench/base/error.h"
#include "bench/record/assemble.h"
#include "bench/record/json.h"
#include "bench/record/parse.h"

namespace ergon::record {
namespace {

constexpr std::string_view suffix = ".journal";

std::string without_suffix(const std::string& file) {
  return file.ends_with(suffix) ? file.substr(0, file.size() - suffix.size()) : file;
}

void refuse_overwriting(const std::string& file) {
  if (exists(file)) throw UserError({file, 0, ""}, "exists; name another file or say --overwrite");
}

struct Trait {
  const char* field;
  std::string before, now;
};

std::string libraries(const Document& document) {
  std::string out;
  for (const Library& library : document.host.libraries)
    out += (out.empty() ? "" : ", ") + library.name + " " + library.version + " " + library.kernel;
  return out;
}

/// Those that move a library; our own name files and folders.
std::string variables(const Document& document) {
  std::string out;
  for (const auto& [name, value] : document.host.variables)
    if (!name.starts_with("ERGON_")) out += (out.empty() ? "" : " ") + name + "=" + value;
  return out;
}

void require_same_run(const std::string& path, const Document& before, const Document& now) {
  const std::array traits = {
      Trait{"run.suite.sha256", before.run.suite.sha256, now.run.suite.sha256},
      Trait{"run.seed", std::to_string(before.run.seed), std::to_string(now.run.seed)},
      Trait{"run.ergon.version", before.run.ergon.version, now.run.ergon.version},
      Trait{"run.ergon.commit", before.run.ergon.commit, now.run.ergon.commit},
      Trait{"host.cpu.family", before.host.cpu.family, now.host.cpu.family},
      Trait{"host.cpu.model", before.host.cpu.model, now.host.cpu.model},
      Trait{"host.cpu.cores_used", std::to_string(before.host.cpu.cores_used),
            std::to_string(now.host.cpu.cores_used)},
      Trait{"host.libraries", libraries(before), libraries(now)},
      Trait{"host.variables", variables(before), variables(now)}};
  for (const Trait& trait : traits)
    if (trait.before != trait.now)
      throw UserError({path, 1, trait.field}, "the interrupted run has '" + trait.before +
                                                  "', this one '" + trait.now +
                                                  "': it cannot go on");
}

Assembled read_lines(const std::string& path) {
  return assemble(read_file(path, most_bytes), path);
}

}  // namespace

std::string journal_path(const std::string& file) {
  return without_suffix(file) + std::string(suffix);
}

Journal::Journal(std::string file, LineFile lines)
    : file_(std::move(file)), lines_(std::move(lines)) {}

Journal Journal::create(const std::string& file, const Document& header, bool overwrite) {
  require_replaceable(file);
  const std::string path = journal_path(file);
  if (!overwrite) {
    refuse_overwriting(file);
    if (exists(path))
      throw UserError({path, 0, ""},
                      "an interrupted run left it; go on with --resume or say --overwrite");
  }
  const std::string first = header_line(header);
  LineFile lines(path, overwrite ? LineFile::Mode::create : LineFile::Mode::create_new);
  lines.lock();
  lines.truncate(0);
  lines.append(first);
  return Journal(without_suffix(file), std::move(lines));
}

Journal Journal::resume(const std::string& file, const Document& header, Document& so_far) {
  const std::string path = journal_path(file);
  require_replaceable(without_suffix(file));
  if (!exists(path))
    throw UserError({path, 0, ""}, exists(without_suffix(file))
                                       ? "no journal: the run of " + file + " is complete"
                                       : "no journal to resume from");
  LineFile lines(path, LineFile::Mode::existing);
  lines.lock();
  Assembled before = read_lines(path);
  require_same_run(path, before.document, header);
  Journal journal(without_suffix(file), std::move(lines));
  journal.lines_.truncate(before.bytes);
  journal.know(before.document);
  so_far = std::move(before.document);
  return journal;
}

Journal Journal::append(const std::string& file) {
  const std::string path = journal_path(file);
  const Assembled before = read_lines(path);
  Journal journal(without_suffix(file), LineFile(path, LineFile::Mode::existing));
  journal.lines_.truncate(before.bytes);
  journal.know(before.document);
  return journal;
}

void Journal::know(const Document& document) {
  for (std::size_t i = 0; i < document.rows.size(); ++i) numbers_[key(document.rows[i])] = i;
}

std::size_t Journal::number(const std::string& key) const {
  const auto it = numbers_.find(key);
  if (it == numbers_.end()) throw std::logic_error("the row was not started: " + key);
  return it->second;
}

void Journal::row_started(const Row& row) {
  const auto [it, is_new] = numbers_.emplace(key(row), numbers_.size());
  lines_.append(start_line(it->second, row));
}

void Journal::time_sample(const std::string& key, const TimeSample& sample) {
  lines_.append(time_line(number(key), sample));
}

void Journal::energy_sample(const std::string& key, const std::string& meter,
                            const EnergySample& sample) {
  lines_.append(energy_line(number(key), meter, sample));
}

void Journal::row_finished(const Row& row) { lines_.append(result_line(number(key(row)), row)); }

void Journal::launch_started(const LaunchStart& start) { lines_.append(launch_line(start)); }

void Journal::beacon(const Beacon& beacon) { lines_.append(beacon_line(beacon)); }

void Journal::ceiling(const std::string& device, const Ceiling& ceiling) {
  lines_.append(ceiling_line(device, ceiling));
}

void Journal::idle(const std::string& meter, const std::string& when,
                   const Maybe<Meter::Idle>& idle) {
  lines_.append(idle_line(meter, when, idle));
}

void Journal::finish(const Document& document) {
  replace_file(file_, to_text(document));
  lines_.remove();
}

Document read_journal(const std::string& file) { return read_lines(journal_path(file)).document; }

void require_new(const std::string& file) {
  require_replaceable(file);
  for (const std::string& name : {file, journal_path(file)})
    if (exists(name)) throw UserError({name, 0, ""}, "exists; name another file");
}

void write_document(const std::string& file, const Document& document, bool overwrite) {
  if (!overwrite && exists(file)) throw UserError({file, 0, ""}, "exists; name another file");
  replace_file(file, to_text(document));
}

}  // namespace ergon::record
