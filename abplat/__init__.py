"""abplat judges a change by what it does to the customer's whole journey."""

__version__ = "0.1.0"
