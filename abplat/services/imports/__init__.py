"""Bring in what happened elsewhere: events, exposures and outcomes from CSV and Parquet."""
