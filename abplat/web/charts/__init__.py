"""Charts as SVG text, drawn in Python: no script, no library, the same bytes for the same report."""
