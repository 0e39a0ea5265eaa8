#include "bench/report/text.h"

#include <gtest/gtest.h>

namespace ergon::report {
namespace {

Estimate about(double value, double relative) {
  return {value, value * (1 - relative), value * (1 + relative)};
}

TEST(Text, three_digits_and_a_prefix) {
  EXPECT_EQ(si(about(1.9312e12, 0.004)), "1.93 T");
  EXPECT_EQ(si(about(19.31e9, 0.004)), "19.3 G");
  EXPECT_EQ(si(about(193.1e6, 0.004)), "193 M");
  EXPECT_EQ(si(about(0.00752, 0.004), "s"), "7.52 ms");
  EXPECT_EQ(si(about(12, 0.004)), "12.0");
}

TEST(Text, two_digits_where_the_interval_is_wide) {
  EXPECT_EQ(si(about(1.9312e12, 0.3)), "1.9 T");
  EXPECT_EQ(plain(about(123.4, 0.3)), "120");
}

TEST(Text, rounding_up_to_a_thousand_takes_the_next_prefix) {
  EXPECT_EQ(si(about(999.7e9, 0.004)), "1.00 T");
  EXPECT_EQ(si(about(999.4e9, 0.004)), "999 G");
  EXPECT_EQ(plain(about(9.999, 0.001)), "10.0");
}

TEST(Text, figures_beyond_every_prefix_are_still_numbers) {
  EXPECT_EQ(si(about(1e28, 0.001)), "10000 Y");
  EXPECT_EQ(si({0, 0, 0}), "0");
}

TEST(Text, a_relative_error_has_two_digits_and_an_exponent_where_it_is_tiny) {
  EXPECT_EQ(relative_error(0.00712), "0.71 %");
  EXPECT_EQ(relative_error(0.1249), "12 %");
  EXPECT_EQ(relative_error(2.5), "250 %");
  EXPECT_EQ(relative_error(1e-5), "0.0010 %");
  EXPECT_EQ(relative_error(3.04e-7), "3.0e-07");
  EXPECT_EQ(relative_error(0), "0 %");
}

TEST(Text, half_widths_are_rounded_up_never_down) {
  EXPECT_EQ(spread(about(1, 0.0041)), "±0.5%");
  EXPECT_EQ(spread(about(1, 0.00001)), "±0.1%");
  EXPECT_EQ(spread(about(1, 0.123)), "±13%");
}

TEST(Text, lopsided_intervals_show_both_sides) {
  EXPECT_EQ(spread({1, 0.97, 1.45}), "-3.0/+45%");
  EXPECT_EQ(spread({1, 1, 1.2}), "-0/+20%");
}

TEST(Text, a_figure_without_width_shows_none) { EXPECT_EQ(spread({1, 1, 1}), ""); }

TEST(Text, width_counts_terminal_cells_not_bytes) {
  EXPECT_EQ(width("±µ·—"), 4u);
  EXPECT_EQ(width("行列"), 4u);
  EXPECT_EQ(width("e\u0301"), 1u);
  EXPECT_EQ(width("\xff\xfe"), 2u);
  EXPECT_EQ(width("\xe8\xa1"), 2u);  // cut in the middle of a character
}

TEST(Text, padding_lines_up_in_cells) {
  EXPECT_EQ(width(pad_right("行列", 10)), 10u);
  EXPECT_EQ(width(pad_left("re\u0301sume\u0301", 10)), 10u);
}

TEST(Text, long_names_keep_their_ends) {
  const std::string cut = shortened("libopenblas-0.3.21-tuned.so", 11);
  EXPECT_EQ(cut, "libop…ed.so");
  EXPECT_LE(width(shortened("行列行列行列行列", 7)), 7u);
  EXPECT_EQ(shortened("short", 11), "short");
}

TEST(Text, control_characters_cannot_reach_a_terminal) {
  EXPECT_EQ(printable("a\x1b[31mb\nc\x7f"), "a [31mb c ");
  EXPECT_EQ(printable("a\u202Eb"), "a b");
  EXPECT_EQ(printable("bad\xff"), "bad\uFFFD");
}

TEST(Text, wrapping_breaks_at_spaces_and_keeps_long_words) {
  const auto lines = wrap("one two threefourfive six", 8);
  EXPECT_EQ(lines, (std::vector<std::string>{"one two", "threefourfive", "six"}));
}

TEST(Text, aligned_columns_begin_in_the_same_cell) {
  const auto lines = aligned({{"行列", "x"}, {"a", "y"}, {"abc"}});
  EXPECT_EQ(lines, (std::vector<std::string>{"行列  x", "a     y", "abc"}));
}

}  // namespace
}  // namespace ergon::report
