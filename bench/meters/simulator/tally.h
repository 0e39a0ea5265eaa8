// What many simulated measurements of one kind came to.
#pragma once

#include <string>
#include <vector>

#include "bench/base/maybe.h"
#include "bench/meters/meter.h"

namespace ergon::simulator {

struct Tally {
  int within = 0;           // the truth lay within the stated error
  int outside = 0;          // it did not: meant for one in twenty
  int refused = 0;          // for the fault's reason
  int wrong = 0;            // off by four times the stated error, or refused for another reason
  std::string wrong_about;  // the first of these
  double stated = 0;        // median stated error, relative
  double achieved = 0;      // 95 % quantile of the actual one
  int figures() const noexcept { return within + outside; }
};

class Tallying {
 public:
  /// `words`: the reason of a rightful refusal holds one of them.
  explicit Tallying(std::vector<std::string> words) : words_(std::move(words)) {}
  void add(const Maybe<Joules>& joules, double true_joules);
  void refuse(const std::string& reason);
  void blame(std::string about);
  /// Whether the figure is off by more than chance ever is.
  static bool is_wrong(const Joules& joules, double true_joules);
  Tally tally() const;

 private:
  std::vector<std::string> words_;
  Tally tally_;
  std::vector<double> stated_, actual_;
};

/// Most of `runs` that may lie outside a 95 % interval before chance stops being an excuse: the
/// 99.9 % quantile of the binomial.
int most_outside(int runs);

/// "190 of 200, refused 3, **wrong 1**", as far as there were such.
std::string cell_text(const Tally& tally);

}  // namespace ergon::simulator
