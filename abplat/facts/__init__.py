"""What happened to customers: durable intake, lake, engines."""
