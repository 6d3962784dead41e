"""JSON for machines: one blueprint per noun."""
