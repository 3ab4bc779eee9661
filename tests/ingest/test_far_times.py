"""Times of change in the year 2400, or before there were pictures: they only tell that a file changed."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from tests.conftest import noise, tmpfs
from tests.ingest.conftest import Bench

YEAR = 31_556_952
# Seconds since 1970: just over what 64 bits of nanoseconds hold, far over it, and the same before.
FAR = [2**63 // 10**9 + 1, 430 * YEAR, 10_000 * YEAR, 2**55, -(2**63) // 10**9 - 1, -1_000 * YEAR, -(2**55)]


def touch(file: Path, seconds: int) -> None:
    os.utime(file, ns=(0, seconds * 10**9 + 5))
    assert file.stat().st_mtime_ns == seconds * 10**9 + 5, "this file system does not keep such times"


def test_of_files_and_of_what_lies_beside_them(bench: Bench, tmp_path: Path) -> None:
    with tmpfs(tmp_path / "disk", "4m") as disk:
        for i, seconds in enumerate(FAR):
            noise(i).save(disk / f"{i}.png")
            touch(disk / f"{i}.png", seconds)
            noise(50 + i).save(disk / f"beside{i}.png")
            (disk / f"beside{i}.png.json").write_text('{"title": "", "description": "Snow"}')
            touch(disk / f"beside{i}.png.json", seconds)
        (disk / "bad.png").write_bytes(b"no picture")
        touch(disk / "bad.png", FAR[0])
        n = 2 * len(FAR)
        assert bench.report(disk) == f"{n} new, 0 unchanged, 0 updated, 0 removed, 1 failed; {n} encoded."
        said = [p.metadata.caption for path, p in bench.held().items() if "beside" in path]
        assert said == ["Snow"] * len(FAR)
        again = bench.report(disk)
        assert again == f"0 new, {n} unchanged, 0 updated, 0 removed, 0 failed; 0 encoded."


@pytest.mark.parametrize("beside", [False, True])
def test_a_change_from_one_to_another_is_noticed(bench: Bench, tmp_path: Path, beside: bool) -> None:
    with tmpfs(tmp_path / "disk", "4m") as disk:
        file = disk / "a.bmp"
        noise(1).save(file)
        dated = disk / "a.bmp.json" if beside else file
        (disk / "a.bmp.json").write_text('{"title": "", "description": "Snow"}')
        touch(dated, FAR[1])
        bench.report(disk)
        noise(2).save(file)
        touch(file, FAR[1] if beside else FAR[1] + 1)
        touch(dated, FAR[1] + 1)
        assert bench.report(disk).startswith("0 new, 0 unchanged, 1 updated")


@pytest.mark.parametrize("ending", [".tar", ".tar.gz"])
def test_of_members_of_archives(bench: Bench, tmp_path: Path, ending: str) -> None:
    times: list[float | str] = [*FAR, 430 * YEAR + 0.5, "nan", "inf", "-inf", "1e300"]
    archive = tmp_path / f"a{ending}"
    with tarfile.open(archive, "w:gz" if ending.endswith("gz") else "w") as tar:
        for i, time in enumerate(times):
            out = io.BytesIO()
            noise(i).save(out, "PNG")
            info = tarfile.TarInfo(f"{i}.png")
            info.size = out.tell()
            if isinstance(time, str):
                info.pax_headers = {"mtime": time}
            else:
                info.mtime = time
            tar.addfile(info, io.BytesIO(out.getvalue()))
    n = len(times)
    assert bench.report(archive) == f"{n} new, 0 unchanged, 0 updated, 0 removed, 0 failed; {n} encoded."
    assert bench.report(archive).startswith(f"0 new, {n} unchanged")
