"""The embedded store: a folder with an SQLite database, searched exactly by numpy."""

from imagesearch.embedded.store import EmbeddedStore

__all__ = ["EmbeddedStore"]
