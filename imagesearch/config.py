"""The settings: read from the environment, `.env` and files of secrets, each documented here once."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from imagesearch.errors import BadSetting

PROJECT = Path(__file__).resolve().parent.parent
# Where container engines put secrets: one file for each, named as the setting in lower case.
SECRETS = Path("/run/secrets")

IndexType = Literal["hnsw", "int8_hnsw", "int4_hnsw", "bbq_hnsw"]
TextEncoding = Literal["auto", "local", "infer", "one-trip"]
Runtime = Literal["auto", "torch", "torch-bf16", "torch-fp16", "onnx", "onnx-int8"]


class Settings(BaseSettings):
    """What can be set from outside. The environment wins over `.env`, that over secrets; empty is not set."""

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True)

    model: str = Field(
        "clip", description="The model pair: `demo`, `clip`, or a folder that holds `picture/` and `text/`."
    )
    store: str | None = Field(
        None,
        description="The store: a folder, the URLs of Elasticsearch separated by commas, or "
        "`cloud:<cloud id>`. Not set: `stores/<model>` in the data folder.",
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
    runtime: Runtime = Field(
        "auto",
        description="What computes the embeddings of pictures: `torch` (32-bit floats), `torch-bf16` or "
        "`torch-fp16` (16-bit, the latter on GPUs), `onnx` (ONNX Runtime, on the CPU), `onnx-int8` (8-bit "
        "integers: fast on any CPU, results differ a little); `auto`: the fastest whose results do not.",
    )
    decode_seconds: float = Field(
        60, gt=0, le=3600, description="Ingest: how many seconds one picture may take to be decoded."
    )
    decode_memory_mb: int = Field(
        4096, ge=512, description="Ingest: how much memory decoding one picture may take, in MiB."
    )
    max_query_chars: int = Field(1000, ge=1, le=10_000, description="The longest query in words.")
    thumbnail_mb: int = Field(
        1024, ge=16, description="The most room that cached thumbnails take on disk, in MiB."
    )
    index: str = Field(
        "pictures",
        pattern=r"^[a-z0-9][a-z0-9_.-]{0,99}$",
        description="Elasticsearch: the alias under which the pictures are indexed.",
    )
    index_type: IndexType = Field(
        "int8_hnsw",
        description="Elasticsearch: how a new index keeps the embeddings: `hnsw`, `int8_hnsw`, `int4_hnsw` "
        "or `bbq_hnsw`. `python -m ingest rebuild` changes it.",
    )
    shards: int = Field(1, ge=1, le=1024, description="Elasticsearch: the primary shards of a new index.")
    replicas: int | None = Field(
        None,
        ge=0,
        le=16,
        description="Elasticsearch: the copies of each shard. Not set: one, where there is a second node.",
    )
    elasticsearch_api_key: SecretStr | None = Field(None, description="The API key, in its encoded form.")
    elasticsearch_user: str | None = Field(None, description="The user, where there is no API key.")
    elasticsearch_password: SecretStr | None = Field(None, description="The user's password.")
    elasticsearch_ca: Path | None = Field(
        None, description="The certificate of the authority that signed Elasticsearch's, as a PEM file."
    )
    elasticsearch_timeout: float = Field(
        30, gt=0, le=600, description="How many seconds one request to Elasticsearch may take."
    )
    elasticsearch_patience: float = Field(
        5,
        ge=0,
        description="How many seconds a search goes on trying while Elasticsearch is away. An ingest waits "
        "for ten minutes.",
    )
    text_encoding: TextEncoding = Field(
        "auto",
        description="Elasticsearch: where words become embeddings. `local`: in this process; `infer`: by a "
        "request to the deployed model; `one-trip`: by the search itself; `auto`: `one-trip` where the model "
        "is deployed and the licence has it, else `local`.",
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
    """The settings, those `given` (and not None) before the environment before `.env` before secrets.

    Raises BadSetting with one line for each value that cannot be used.
    """
    chosen = {name: value for name, value in given.items() if value is not None}
    try:
        secrets = {"_secrets_dir": SECRETS} if SECRETS.is_dir() else {}
        return Settings(**chosen, **secrets)  # type: ignore[arg-type]  # pydantic checks the values itself
    except ValidationError as error:
        lines = (f"{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())
        raise BadSetting(f"A setting cannot be used. {'; '.join(lines)}.") from error
    except SettingsError as error:
        raise BadSetting(f"A file in {SECRETS} cannot be read: {error.__cause__ or error}.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise BadSetting(f"The settings file .env cannot be read: {error}. Correct or remove it.") from error
