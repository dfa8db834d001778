"""Side-by-side measurements, as ratios against what a user would pick instead."""
