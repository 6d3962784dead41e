"""Pure numbers on moment records and risk tables."""
