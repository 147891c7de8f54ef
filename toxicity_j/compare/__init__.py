"""Comparison of systems: statistics, tables and reports (installed package only)."""
