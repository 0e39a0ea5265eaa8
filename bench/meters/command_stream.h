// The latest value of a program that prints one line after the other, each stamped on its arrival
// with the injected clock by a thread that reads them.
#pragma once

#include <memory>

#include "bench/meters/command_spec.h"

namespace ergon {

class CommandStream {
 public:
  /// Starts the program. What goes wrong shows in latest().
  CommandStream(const CommandSpec& spec, Clock& clock);
  ~CommandStream();
  CommandStream(const CommandStream&) = delete;
  CommandStream& operator=(const CommandStream&) = delete;

  struct Value {
    double seconds = 0;  // when its line arrived
    Printed printed;
  };
  /// Values that arrived so far, at most the first 1000: what the stream is characterised by.
  std::vector<Value> first_values() const;
  /// The last value, with the stamp of its arrival; invalid, stamped now, where the stream has
  /// ended, changed between watts and joules, or said nothing usable for `silence_seconds`.
  Reading latest(double silence_seconds) const;
  /// Empty while it runs.
  std::string fault() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ergon
