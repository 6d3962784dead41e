"""Statements, one module per noun."""
