"""Holdfast: sites whose screens must not lie.

A site is one queue of decisions; its journal is dense, and what it shows is derived, never remembered.
This module holds the version only and imports nothing.
"""

__version__ = "0.1.0"
