// FILE.journal: the record while it arises. Every fact is appended as one whole line in one write,
// so killing the process loses at most the window in flight; a crash of the machine may lose what
// the system had not yet written out. finish() turns the journal into FILE, whole.
//
// Rows are known by their key (document.h). Several processes may append one after the other (the
// launches of one run), not at once.
#pragma once

#include <map>
#include <string>

#include "bench/record/document.h"
#include "bench/record/file.h"

namespace ergon::record {

class Journal {
 public:
  /// Begins FILE.journal with `header`, a document without rows. Before anything is measured,
  /// throws UserError where FILE could not be written later, where FILE or its journal exists
  /// and `overwrite` is false, or where another run is writing the journal. FILE itself stays as it
  /// is until finish().
  static Journal create(const std::string& file, const Document& header, bool overwrite);
  /// Goes on with the journal of an interrupted run; a torn last line is cut off. `so_far` becomes
  /// what it holds, a row without a result having an empty status. Throws UserError where there is
  /// no journal, where another run is writing it, or where it was begun with another schema, suite,
  /// seed, build, processor, library or library's environment variable than `header` says.
  static Journal resume(const std::string& file, const Document& header, Document& so_far);
  /// Goes on with the journal that another process of the same run has begun.
  static Journal append(const std::string& file);

  /// What is known of a row before it is measured: all but status, accuracy, samples, stages. A row
  /// that was started before goes on.
  void row_started(const Row& row);
  void time_sample(const std::string& key, const TimeSample& sample);
  /// `meter` is the primary one or another of the header's meters.
  void energy_sample(const std::string& key, const std::string& meter, const EnergySample& sample);
  /// Status (empty where nothing went wrong: it then follows from the facts), reason, accuracy,
  /// stages, the implementation's detail, and why there is no energy. Samples are not read again.
  void row_finished(const Row& row);
  /// The latest of a launch counts: one that measured nothing is begun again.
  void launch_started(const LaunchStart& start);
  void beacon(const Beacon& beacon);
  /// The latest of each ceiling counts.
  void ceiling(const std::string& device, const Ceiling& ceiling);
  /// `when` is "before" or "after". The document's idle watts are the mean of all of them within
  /// their whole range.
  void idle(const std::string& meter, const std::string& when, const Maybe<Meter::Idle>& idle);

  /// Writes `document` to FILE in one step and removes the journal.
  void finish(const Document& document);

 private:
  Journal(std::string file, LineFile lines);
  std::size_t number(const std::string& key) const;
  void know(const Document& document);
  std::string file_;
  LineFile lines_;
  std::map<std::string, std::size_t> numbers_;
};

/// FILE.journal for FILE; FILE itself where it already is a journal's name.
std::string journal_path(const std::string& file);

/// The document that FILE.journal holds, complete = false, medians and statuses as their facts say;
/// an unfinished row has an empty status.
Document read_journal(const std::string& file);

/// UserError where FILE or its journal exists, or FILE could not be written: before anything is
/// measured for it.
void require_new(const std::string& file);

/// Writes FILE in one step. UserError where it exists and `overwrite` is false.
void write_document(const std::string& file, const Document& document, bool overwrite);

}  // namespace ergon::record
