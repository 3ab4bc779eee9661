"""Everything that can go wrong and is worth telling a person.

Each message names the thing, the reason and the way out; doors (command line, API, page) only choose
how to show it.
"""


class ImageSearchError(Exception):
    """Base of all errors whose message is meant for the person at the keyboard."""


class BadQuery(ImageSearchError):
    """A search that cannot be answered as asked: empty, too long, or a parameter out of range."""


class BadPicture(ImageSearchError):
    """Bytes that are no picture, or one that cannot be decoded."""


class PictureTooLarge(BadPicture):
    """A picture over the cap on bytes or on pixels; it was not decoded."""


class UnknownPicture(ImageSearchError):
    """No picture of this id is in the store."""


class OriginalMissing(ImageSearchError):
    """The store knows the picture, but its file cannot be read any more."""


class BadMetadata(ImageSearchError):
    """A metadata file that cannot be read, or a row of it that does not fit."""


class BadSource(ImageSearchError):
    """A path given to ingest that does not exist or cannot be read."""


class PackageMissing(BadSource):
    """A package that only some sources take is not installed."""


class BadSetting(ImageSearchError):
    """A setting whose value cannot be used."""


class ModelUnavailable(ImageSearchError):
    """The model is neither on this machine nor to be had from the hub, or its folder is broken."""


class NotExportable(ModelUnavailable):
    """The model is there, but there is no export of it for ONNX Runtime, and none can be made or kept."""


class WrongModel(ImageSearchError):
    """The store was made with another model; mixing the two would give meaningless results."""


class StoreUnavailable(ImageSearchError):
    """The store cannot be opened, read or written."""


class StoreFull(StoreUnavailable):
    """There is no room left on the disk that holds the store; what was acknowledged is kept."""


class StoreUnreachable(StoreUnavailable):
    """The engine does not answer at all, or not in time."""


class StoreNotTrusted(StoreUnavailable):
    """The engine's certificate is not signed by an authority that is trusted here."""


class StoreDenied(StoreUnavailable):
    """The engine does not accept the key, or the key may not do this."""


class StoreDegraded(StoreUnavailable):
    """A part of the index is missing (a red index), so that an answer would be incomplete."""


class StoreReadOnly(StoreUnavailable):
    """The index takes no writes for now, or its disk none at all; searches go on."""


class StoreBusy(StoreUnavailable):
    """The engine has more to do than it can, and still had after trying for a while."""


class TextModelUnavailable(ImageSearchError):
    """The text model in the engine cannot be used: no licence, not deployed, or overloaded."""
