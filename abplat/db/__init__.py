"""Definitions and everything else that lives in SQL."""
