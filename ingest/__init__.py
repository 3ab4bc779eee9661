"""All that writes: the ingest job, and later the deployment of models and rebuilding."""
