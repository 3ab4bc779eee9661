"""The settings: read from the environment and from `.env`, each documented here once."""

from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from imagesearch.errors import BadSetting

PROJECT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """What can be set from outside. The environment wins over `.env`; empty means not set."""

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True)

    model: str = Field(
        "clip", description="The model pair: `demo`, `clip`, or a folder that holds `picture/` and `text/`."
    )
    store: str | None = Field(
        None, description="The store: a folder. Not set: `stores/<model>` in the data folder."
    )
    data: Path = Field(
        PROJECT / "data", description="The data folder: default stores, the demo gallery, thumbnails."
    )
    bind: str = Field(
        "127.0.0.1", description="The address the server listens on. `0.0.0.0` opens it to the network."
    )
    hosts: str | None = Field(
        None,
        description="The names the server is opened by, separated by commas. Not set: this machine's own "
        "only (localhost), or any where `bind` opens it to the network.",
    )
    port: int = Field(8000, ge=1, le=65535, description="The port the server listens on.")
    threads: int = Field(8, ge=1, le=256, description="How many requests the server answers at a time.")
    api_token: str | None = Field(
        None, min_length=16, description="The token that lets the API add and remove pictures. Not set: off."
    )
    max_upload_mb: int = Field(32, ge=1, le=1024, description="The largest picture upload, in MiB.")
    max_megapixels: float = Field(
        170, gt=0, le=170, description="The largest picture that is decoded, in millions of pixels."
    )
    max_query_chars: int = Field(1000, ge=1, le=10_000, description="The longest query in words.")
    thumbnail_mb: int = Field(
        1024, ge=16, description="The most room that cached thumbnails take on disk, in MiB."
    )

    @property
    def max_upload_bytes(self) -> int:
        """`max_upload_mb` in bytes."""
        return self.max_upload_mb * 2**20

    @property
    def max_pixels(self) -> int:
        """`max_megapixels` in pixels."""
        return int(self.max_megapixels * 1_000_000)


def load_settings(**given: object) -> Settings:
    """The settings, those `given` (and not None) before the environment before `.env`.

    Raises BadSetting with one line for each value that cannot be used.
    """
    chosen = {name: value for name, value in given.items() if value is not None}
    try:
        return Settings(**chosen)  # type: ignore[arg-type]  # pydantic checks the values itself
    except ValidationError as error:
        lines = (f"{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())
        raise BadSetting(f"A setting cannot be used. {'; '.join(lines)}.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise BadSetting(f"The settings file .env cannot be read: {error}. Correct or remove it.") from error
