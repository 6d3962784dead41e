"""From facts to a Report."""
