"""Files beside pictures, found in a listing that goes by once."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagesearch.sources import FoundFile, Unreadable, beside
from imagesearch.sources.beside import described, described_in_passing, sidecar_names

LONG = "PXL_20230102_030405678_a_name_longer_than_46_characters"
PICTURES = [
    f"{folder}{stem}{number}{ending}"
    for folder in ("", "a/", "a b/")
    for stem in ("a", "ab", "a-edited", "-edited", LONG)
    for number in ("", "(1)", "-edited(1)")
    for ending in (".jpg", ".JPG", ".x3f")
]
OTHERS = sorted(
    {
        folder + slash + name
        for folder, slash, picture in (path.rpartition("/") for path in PICTURES)
        for name in sidecar_names(picture)
    }
)


def file(path: str) -> FoundFile:
    return FoundFile("s3://b", path, 10, sum(path.encode()) * 10**9)


@given(
    st.sets(st.sampled_from(PICTURES)),
    st.sets(st.sampled_from(OTHERS)),
    st.sets(st.sampled_from(["a/../b.jpg", "aa.jpg"])),
    st.sampled_from([1, 2, 3, 10, 1000]),
)
def test_they_are_those_that_would_be_found_by_asking_for_each(
    pictures: set[str], others: set[str], unreadable: set[str], remembered: int
) -> None:
    found: list[FoundFile | Unreadable] = [*map(file, pictures | others)]
    found += [Unreadable("s3://b", path, "why") for path in unreadable]
    listed = sorted(found, key=lambda f: f.path)

    def time_of(path: str) -> int | None:
        return file(path).mtime_ns if path in others else None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(beside, "_REMEMBERED", remembered)
        passed = list(described_in_passing(listed, time_of))
    assert passed == [
        described(f, time_of) if isinstance(f, FoundFile) else f for f in listed if f.path not in others
    ]


def test_the_store_is_not_asked_for_what_it_listed() -> None:
    listed = sorted(map(file, [*PICTURES, *OTHERS]), key=lambda f: f.path)
    asked: list[str] = []
    assert len(list(described_in_passing(listed, asked.append))) == len(PICTURES)
    assert not asked


def test_of_a_long_listing_little_is_held() -> None:
    ahead = 0

    def listed() -> Iterator[FoundFile]:
        nonlocal ahead
        for i in range(100_000):
            ahead += 1
            yield file(f"IMG_{i:06}.jpg")
            yield file(f"IMG_{i:06}.xmp")

    for found in described_in_passing(listed(), lambda _: pytest.fail("asked")):
        ahead -= 1
        assert isinstance(found, FoundFile)
        assert found.beside == (found.path.replace(".jpg", ".xmp"),)
        assert ahead <= 1
