"""The API keys of the parts that run beside each other, each with no more rights than its work takes."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from imagesearch.elastic import Client
from imagesearch.errors import StoreDenied

Part = Literal["app", "ingest", "model"]
# As Elasticsearch's API has it.
Role = Mapping[str, Any]
PARTS: tuple[Part, ...] = get_args(Part)

# As the settings read it from the folder of secrets.
KEY_FILE = "elasticsearch_api_key"
CA_FILE = "ca.crt"


def rights(part: Part, alias: str, *, changes: bool = False) -> Role:
    """The role of a part, as Elasticsearch's role descriptor; `alias` is under which the pictures are.

    `app` reads, and with `changes` adds and removes pictures; `ingest` makes and fills indices; `model`
    deploys the text model.
    """
    names = [alias, f"{alias}-*"]
    match part:
        case "app":
            writing = ["index", "delete", "maintenance"] if changes else []
            of_index = ["read", "view_index_metadata", *writing]
            return {"cluster": ["monitor"], "indices": [{"names": names, "privileges": of_index}]}
        case "ingest":
            of_index = ["read", "write", "manage"]
            return {"cluster": ["monitor"], "indices": [{"names": names, "privileges": of_index}]}
        case "model":
            return {"cluster": ["monitor", "manage_ml"], "indices": []}


@dataclass(frozen=True)
class Keys:
    """Makes keys with `client`, whose user may do so, for the pictures under `alias`."""

    client: Client
    alias: str
    changes: bool

    def provide(self, part: Part, folder: Path, authority: Path | None) -> str:
        """Put a key with the rights of `part` into `folder`, and the `authority`'s certificate beside it.

        A key that is there and valid stays, so that who holds it need not start again; only its rights
        are brought up to date. Says what was done. Raises StoreUnavailable or a kind of it.
        """
        folder.mkdir(parents=True, exist_ok=True)
        if authority:
            shutil.copyfile(authority, folder / CA_FILE)
        file, name = folder / KEY_FILE, f"{self.alias}-{part}"
        role: dict[str, Role] = {part: rights(part, self.alias, changes=self.changes)}
        if id := self._valid(file):
            answer = self.client.ask(lambda es: es.security.update_api_key(id=id, role_descriptors=role))
            return f"The key {name} has new rights." if answer["updated"] else f"The key {name} is as before."
        made = self.client.ask(lambda es: es.security.create_api_key(name=name, role_descriptors=role))
        _write(file, made["encoded"])
        self._invalidate_others(name, made["id"])
        return f"The key {name} was made."

    def _valid(self, file: Path) -> str | None:
        """The id of the key in `file`, if Elasticsearch knows it."""
        if not file.is_file():
            return None
        key = file.read_text()
        try:
            who = self.client.ask(lambda es: es.options(api_key=key).security.authenticate())
        except StoreDenied:
            return None
        id: str = who["api_key"]["id"]
        return id

    def _invalidate_others(self, name: str, kept: str) -> None:
        """Keys of this name whose file is gone: nobody should have them any more."""
        found = self.client.ask(lambda es: es.security.get_api_key(name=name, active_only=True))["api_keys"]
        if others := [key["id"] for key in found if key["id"] != kept]:
            self.client.ask(lambda es: es.security.invalidate_api_key(ids=others))


def _write(file: Path, key: str) -> None:
    """Whole or not at all, and readable by its owner only."""
    new = file.with_suffix(".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "w") as opened:
        opened.write(key)
    new.replace(file)
