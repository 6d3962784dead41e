"""Pages for people: they only render what the services return."""
