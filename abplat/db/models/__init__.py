"""Tables, one module per noun."""
