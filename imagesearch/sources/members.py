"""What holds of the members of every kind of archive."""

from imagesearch.sources.found import NOT_TEXT, OUTSIDE, is_inside, is_text, too_large


def plain(name: str) -> str:
    """A member's name without `./` and doubled slashes; what leads out of the archive stays as it is."""
    if not is_inside(name):
        return name
    return "/".join(part for part in name.split("/") if part not in ("", "."))


def refused(path: str, size: int) -> str | None:
    """Why a member of this name and size is not read, if it is not."""
    if not is_inside(path):
        return OUTSIDE
    if not is_text(path):
        return NOT_TEXT
    return too_large(size)
