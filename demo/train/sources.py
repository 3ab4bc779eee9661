"""Fetch what the training reads: art styles and CLDR's names, all from npm packages.

The packages are pinned; `npm pack` downloads each once into the cache folder.
"""

import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

DEFAULT_CACHE = Path("data/train")
NOTO_FONT = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")


@dataclass(frozen=True)
class Package:
    """An npm package the training reads, and the licence of what it holds."""

    name: str
    version: str
    licence: str


OPENMOJI = Package("openmoji", "17.0.0", "CC BY-SA 4.0")
TWEMOJI = Package("@twemoji/svg", "15.0.0", "CC BY 4.0")
NAMES = Package("cldr-annotations-full", "48.2.0", "Unicode-3.0")
DERIVED_NAMES = Package("cldr-annotations-derived-full", "48.2.0", "Unicode-3.0")
FUNCTION_WORDS = Package("stopwords-iso", "1.1.0", "MIT")
NOTO_V1 = Package("@iconify-json/noto-v1", "1.2.5", "Apache-2.0")
EMOJIONE = Package("@iconify-json/emojione", "1.2.3", "CC BY 4.0")
EMOJIONE_V1 = Package("@iconify-json/emojione-v1", "1.2.3", "CC BY-SA 4.0")
FXEMOJI = Package("@iconify-json/fxemoji", "1.2.2", "Apache-2.0")
STREAMLINE = Package("@iconify-json/streamline-emojis", "1.2.4", "CC BY 4.0")
FLUENT = Package("@iconify-json/fluent-emoji-flat", "1.2.6", "MIT")

ICON_SETS = (NOTO_V1, EMOJIONE, EMOJIONE_V1, FXEMOJI, STREAMLINE)
"""The icon sets that are trained on. FLUENT is not among them: it measures the training."""


class FetchError(RuntimeError):
    """A package or a file that the training needs could not be had."""


def fetch(package: Package, cache: Path = DEFAULT_CACHE) -> Path:
    """Return the folder of the unpacked package, downloading it once.

    Raises FetchError when npm is missing or the registry does not answer.
    """
    folder = cache / f"{package.name.replace('@', '').replace('/', '-')}-{package.version}"
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        _unpack(_download(package, cache), folder)
    return folder / "package"


def _download(package: Package, cache: Path) -> Path:
    wanted = f"{package.name}@{package.version}"
    try:
        done = subprocess.run(
            ["npm", "pack", "--silent", wanted],
            cwd=cache,
            check=True,
            capture_output=True,
            text=True,
        )
    except FileNotFoundError as error:
        raise FetchError("npm is needed to fetch the training data: install Node.js") from error
    except subprocess.CalledProcessError as error:
        raise FetchError(f"npm could not fetch {wanted}: {error.stderr.strip()}") from error
    return cache / done.stdout.strip().splitlines()[-1]


def _unpack(archive: Path, folder: Path) -> None:
    unfinished = folder.with_name(folder.name + ".part")
    shutil.rmtree(unfinished, ignore_errors=True)
    with tarfile.open(archive) as tar:
        tar.extractall(unfinished, filter="data")
    unfinished.rename(folder)
    archive.unlink()


def noto_font() -> Path:
    """Return the colour emoji font of Debian's fonts-noto-color-emoji (OFL 1.1)."""
    if not NOTO_FONT.exists():
        raise FetchError(f"{NOTO_FONT} is missing: install the package fonts-noto-color-emoji")
    return NOTO_FONT
