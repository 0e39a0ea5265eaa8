#include "bench/meters/simulator/tally.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

namespace ergon::simulator {
namespace {

constexpr double wrong_factor = 4;
constexpr double nominal_outside = 0.05;
constexpr double excuse = 0.999;

double quantile_of(std::vector<double> values, double p) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(std::ceil(p * static_cast<double>(values.size()))) - 1];
}

}  // namespace

bool Tallying::is_wrong(const Joules& joules, double true_joules) {
  return std::abs(joules.value - true_joules) > wrong_factor * joules.error;
}

void Tallying::add(const Maybe<Joules>& joules, double true_joules) {
  if (!joules) return refuse(joules.reason());
  const double off = std::abs(joules->value - true_joules);
  stated_.push_back(joules->error / true_joules);
  actual_.push_back(off / true_joules);
  ++(off <= joules->error ? tally_.within : tally_.outside);
  if (is_wrong(*joules, true_joules))
    blame(fmt::format("{:.4g} J for {:.4g} J, stated to {:.2g} J", joules->value, true_joules,
                      joules->error));
}

void Tallying::refuse(const std::string& reason) {
  const bool rightly = std::any_of(words_.begin(), words_.end(), [&](const std::string& word) {
    return reason.find(word) != std::string::npos;
  });
  if (rightly)
    ++tally_.refused;
  else
    blame("refused: " + reason);
}

void Tallying::blame(std::string about) {
  if (tally_.wrong++ == 0) tally_.wrong_about = std::move(about);
}

Tally Tallying::tally() const {
  Tally out = tally_;
  out.stated = quantile_of(stated_, 0.5);
  out.achieved = quantile_of(actual_, 0.95);
  return out;
}

int most_outside(int runs) {
  // The first k of which P(X <= k) reaches it, X ~ Binomial(runs, 1/20).
  double probability = std::pow(1 - nominal_outside, runs);
  double sum = probability;
  int k = 0;
  while (sum < excuse && k < runs) {
    probability *= nominal_outside / (1 - nominal_outside) * (runs - k) / (k + 1);
    sum += probability;
    ++k;
  }
  return k;
}

std::string cell_text(const Tally& tally) {
  std::string text;
  if (tally.figures() > 0) text = fmt::format("{} of {}", tally.within, tally.figures());
  if (tally.refused > 0)
    text += fmt::format("{}refused {}", text.empty() ? "" : ", ", tally.refused);
  if (tally.wrong > 0) text += fmt::format(", **wrong {}**", tally.wrong);
  return text;
}

}  // namespace ergon::simulator
