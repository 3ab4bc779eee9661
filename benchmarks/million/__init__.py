"""A million files through the ingest job: how much memory, and how long the second run takes."""
