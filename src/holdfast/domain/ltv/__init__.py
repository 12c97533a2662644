"""Lifetime value, without input or output: cohorts and what follows from them, segments, what is to be expected."""
