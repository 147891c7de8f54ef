"""The parts of the web page: limits, models, explanations, tables, and their looks."""
