"""Stores and their sources, without input or output: rows, windows, progress, verdicts, when to try again."""
