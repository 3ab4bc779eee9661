"""Search pictures by words or by a picture: the core that the app, the ingest job and the notebooks share."""
