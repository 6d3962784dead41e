"""Work that goes on behind the web process: one file per job."""
