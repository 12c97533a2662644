"""Schedules: rules that become jobs at their instants, with a line in the ledger for each instant there was."""
