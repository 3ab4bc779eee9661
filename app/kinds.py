"""The kinds of problems: for each error its name, its status, and what a stranger may read of it."""

from dataclasses import dataclass, field

from imagesearch import errors


class WrongHost(errors.ImageSearchError):
    """A request under a name that is not the server's."""


class Busy(errors.ImageSearchError):
    """More uploads at a time than the server takes in."""


class Forbidden(errors.ImageSearchError):
    """A change that the server was not set up to allow."""


class Unauthorized(errors.ImageSearchError):
    """A change without the right token."""


@dataclass(frozen=True)
class Kind:
    """A kind of problem: its name in URLs, its status, and what it means.

    `detail` replaces the error's own message where that would show the server's insides. `headers` say
    when to try again, where waiting helps.
    """

    name: str
    status: int
    title: str
    detail: str | None = None
    headers: dict[str, str] = field(default_factory=dict)


_LATER = {"Retry-After": "5"}

# The first match counts, so that a special case stands before what it is a case of.
KINDS: dict[type[Exception], Kind] = {
    errors.BadQuery: Kind("bad-query", 400, "The query cannot be answered as asked"),
    errors.PictureTooLarge: Kind("picture-too-large", 413, "The picture is too large"),
    # Not 415: that speaks of the request's own media type, multipart/form-data, which was right.
    errors.BadPicture: Kind("bad-picture", 422, "The upload cannot be read as a picture"),
    errors.UnknownPicture: Kind("unknown-picture", 404, "There is no such picture"),
    errors.OriginalMissing: Kind("original-missing", 410, "The picture's file cannot be read any more"),
    errors.StoreFull: Kind(
        "store-full",
        507,
        "The disk is full",
        "There is no room left on the disk that holds the store. Searches go on, and nothing was changed; "
        "make room and try again.",
    ),
    errors.StoreUnreachable: Kind(
        "store-unreachable",
        503,
        "The store does not answer",
        "The store of pictures does not answer; the server's log says why. Try again in a few seconds.",
        _LATER,
    ),
    errors.StoreNotTrusted: Kind(
        "store-not-trusted",
        503,
        "The store's certificate is not trusted",
        "The server does not trust the certificate of the store of pictures and asked it nothing. Waiting "
        "does not help; the server's log says what whoever runs it has to mend.",
    ),
    errors.StoreDenied: Kind(
        "store-denied",
        503,
        "The store does not let the server in",
        "The store of pictures does not accept the server's key, or the key may not do this. Waiting does "
        "not help; the server's log says what whoever runs it has to mend.",
    ),
    errors.StoreDegraded: Kind(
        "store-degraded",
        503,
        "A part of the pictures is missing",
        "A part of the store does not answer, and an answer without its pictures would be wrong. Try again "
        "in a few seconds; the server's log says more.",
        _LATER,
    ),
    errors.StoreReadOnly: Kind(
        "store-read-only",
        503,
        "The store takes no changes for now",
        "The store of pictures takes no changes for now; the server's log says why. Searches go on, and "
        "nothing was changed. Try again later.",
        {"Retry-After": "60"},
    ),
    errors.StoreBusy: Kind(
        "store-busy",
        503,
        "The store has too much to do",
        "The store of pictures has too much to do just now. Try again in a few seconds.",
        _LATER,
    ),
    errors.StoreUnavailable: Kind(
        "store-unavailable",
        503,
        "The store cannot be used",
        "The store of pictures cannot be used; the server's log says why. Try again in a few seconds.",
        _LATER,
    ),
    errors.TextModelUnavailable: Kind(
        "text-model-unavailable",
        503,
        "Words cannot be searched by",
        "The text model in the store cannot be used; the server's log says why. Searching by a picture, "
        "browsing and filters go on working.",
    ),
    errors.WrongModel: Kind(
        "wrong-model",
        409,
        "The store was made with another model",
        "The store holds embeddings of another model than the server's; the server's log says which. "
        "Start the server with that model, or with another store.",
    ),
    errors.ModelUnavailable: Kind(
        "model-unavailable",
        503,
        "The model cannot be loaded",
        "The server's model cannot be loaded; its log says why. Browsing and filters go on working.",
    ),
    WrongHost: Kind("wrong-host", 421, "That is not the server's name"),
    Busy: Kind("busy", 503, "Too many uploads at a time", headers=_LATER),
    Forbidden: Kind("changes-are-off", 403, "Changes are off"),
    Unauthorized: Kind(
        "token-needed", 401, "A token is needed", headers={"WWW-Authenticate": 'Bearer realm="imagesearch"'}
    ),
}

BAD_PARAMETER = Kind("bad-parameter", 400, "A parameter cannot be used")
UPLOAD_TOO_LARGE = Kind("upload-too-large", 413, "The upload is too large")
NOT_READY = Kind("not-ready", 503, "Searches cannot be answered", headers=_LATER)
INTERNAL = Kind("internal", 500, "Something went wrong in the server")
# The status says all there is to say (RFC 9457, section 4.2.1).
BLANK = "about:blank"


def all_kinds() -> list[Kind]:
    """Every kind that has a name of its own."""
    return [*KINDS.values(), BAD_PARAMETER, UPLOAD_TOO_LARGE, NOT_READY, INTERNAL]


def kind_of(error: Exception) -> Kind | None:
    """The kind of `error`, if it is one of ours."""
    return next((kind for type, kind in KINDS.items() if isinstance(error, type)), None)


def in_public(error: errors.ImageSearchError) -> str:
    """What a stranger may read of `error`."""
    kind = kind_of(error)
    return (kind and kind.detail) or str(error)
