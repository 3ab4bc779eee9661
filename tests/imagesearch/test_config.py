"""Settings from the environment and from `.env`, and one clear message where a value cannot be used."""

from pathlib import Path

import pytest

from imagesearch import config
from imagesearch.config import PROJECT, Settings, load_settings
from imagesearch.errors import BadSetting
from tests.conftest import run_module


def test_the_defaults() -> None:
    settings = load_settings()
    assert (settings.model, settings.store, settings.data) == ("clip", None, PROJECT / "data")
    assert (settings.bind, settings.port, settings.api_token) == ("127.0.0.1", 8000, None)
    assert settings.max_upload_bytes == 32 * 2**20
    assert settings.max_pixels == 170_000_000


def test_given_before_environment_before_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(Settings.model_config, "env_file", ".env")
    Path(".env").write_text("MODEL=file\nSTORE=file\nPORT=8001\nOTHER_PROGRAMS=7\n")
    monkeypatch.setenv("MODEL", "environment")
    monkeypatch.setenv("STORE", "environment")
    settings = load_settings(model="given", store=None)
    assert (settings.model, settings.store, settings.port) == ("given", "environment", 8001)


def test_secrets_come_from_files_if_from_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "SECRETS", tmp_path)
    (tmp_path / "elasticsearch_api_key").write_text("a2V5\n")
    (tmp_path / "model").write_text("file")
    (tmp_path / "ca.crt").write_text("not a setting")
    monkeypatch.setenv("MODEL", "environment")
    settings = load_settings()
    assert settings.elasticsearch_api_key
    assert settings.elasticsearch_api_key.get_secret_value() == "a2V5"
    assert settings.model == "environment"
    assert "a2V5" not in repr(settings)


def test_a_secret_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "SECRETS", tmp_path)
    (tmp_path / "elasticsearch_api_key").write_bytes(b"\xe9")
    with pytest.raises(BadSetting, match=f"A file in {tmp_path} cannot be read: .*decode"):
        load_settings()


def test_empty_means_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.setenv(name.upper(), "")
    assert load_settings() == Settings.model_construct(**load_settings().model_dump())
    assert load_settings().model == "clip"


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("PORT", "0", "greater than or equal to 1"),
        ("PORT", "65536", "less than or equal to 65535"),
        ("PORT", "http", "valid integer"),
        ("THREADS", "-1", "greater than or equal to 1"),
        ("API_TOKEN", "short", "at least 16"),
        ("MAX_UPLOAD_MB", "1e9", "valid integer"),
        ("MAX_MEGAPIXELS", "nan", "less than or equal to 170"),
        ("MAX_MEGAPIXELS", "inf", "less than or equal to 170"),
        ("MAX_QUERY_CHARS", "0", "greater than or equal to 1"),
        ("THUMBNAIL_MB", "", None),
    ],
)
def test_bad_values(monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str | None) -> None:
    monkeypatch.setenv(name, value)
    if says is None:
        load_settings()
        return
    with pytest.raises(BadSetting, match=f"A setting cannot be used. {name}: .*{says}") as refused:
        load_settings()
    assert "\n" not in str(refused.value)


def test_every_bad_value_is_named_at_once_and_no_secret_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "x")
    monkeypatch.setenv("API_TOKEN", "tooshort")
    with pytest.raises(BadSetting) as refused:
        load_settings()
    assert "PORT" in str(refused.value)
    assert "API_TOKEN" in str(refused.value)
    assert "tooshort" not in str(refused.value)


@pytest.mark.parametrize("arguments", [("imagesearch", "search", "x"), ("ingest", ".")])
def test_the_command_lines_say_it_in_one_line(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = run_module(*arguments, cwd=tmp_path, PORT="none")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: A setting cannot be used. PORT: ")
    assert "Traceback" not in done.stderr


def test_a_settings_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"MODEL=caf\xe9\n")
    done = run_module("imagesearch", "search", "x", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ")
    assert ".env" in done.stderr
