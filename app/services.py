"""What the views work with: opened once for each process, kept with the application."""

import logging
import threading
from dataclasses import dataclass

from flask import current_app

from app.changes import Changes, uploads_folder
from app.incoming import Intake
from app.originals import Originals
from app.thumbnails import Thumbnails
from imagesearch.clip import open_model
from imagesearch.config import Settings
from imagesearch.encoders import Model
from imagesearch.errors import StoreBusy, StoreDegraded, StoreUnreachable, UnknownPicture
from imagesearch.records import Picture
from imagesearch.search import Searcher, open_searcher
from imagesearch.store import Store, default_location, open_store, refuse_other_model

log = logging.getLogger(__name__)

# What an engine may be for a while and then be no more.
AWAY = (StoreUnreachable, StoreDegraded, StoreBusy)
# Large pictures that are decoded at a time: at the cap on pixels one takes up to 3.9 GB (RGBA, measured).
_DECODED_AT_A_TIME = 2


@dataclass(frozen=True)
class Services:
    """The parts of a running application."""

    settings: Settings
    store: Store
    model: Model
    searcher: Searcher
    intake: Intake
    originals: Originals
    thumbnails: Thumbnails
    changes: Changes


def open_services(settings: Settings, model: Model | None = None) -> Services:
    """Find the model (if it is not given), open its store (an empty one, if there is none yet) and hold
    one against the other.

    An engine that does not answer yet is waited for by whoever asks first.

    Raises ModelUnavailable, StoreUnavailable, WrongModel or BadSetting.
    """
    model = model or open_model(settings.model, settings.runtime, settings.data)
    location = default_location(settings)
    store = open_store(location, settings, create=True)
    searcher = open_searcher(store, model, settings)
    try:
        if stored := store.identity():
            refuse_other_model(stored, model.identity, store.place)
    except AWAY as error:
        log.warning("%s The server starts all the same, and asks it again for every request.", error)
    decoding = threading.Semaphore(_DECODED_AT_A_TIME)
    cap = settings.thumbnail_mb * 2**20
    originals = Originals()
    return Services(
        settings=settings,
        store=store,
        model=model,
        searcher=searcher,
        intake=Intake(settings.threads, settings.max_pixels, decoding),
        changes=Changes(searcher, uploads_folder(location, settings)),
        originals=originals,
        thumbnails=Thumbnails(settings.data / "thumbnails", cap, settings.max_pixels, decoding, originals),
    )


def services() -> Services:
    """Those of the application that handles the current request."""
    found: Services = current_app.extensions["services"]
    return found


def known(id: str) -> Picture:
    """The picture of this id. Raises UnknownPicture."""
    found = services().store.get(id)
    if found is None:
        raise UnknownPicture(f"No picture has the id {id!r}. It may have been removed; search anew.")
    return found
