"""Multipart forms. The library would read every field as JSON first, so that the words 123 were no words."""

from typing import Any, TypeVar, get_origin

from flask import request
from pydantic import BaseModel
from werkzeug.datastructures import FileStorage

Form = TypeVar("Form", bound=BaseModel)

IMAGE = "image"


def read_form(model: type[Form]) -> tuple[Form, FileStorage | None]:
    """The fields of the request's form, checked, and the picture that came with them.

    Raises pydantic's ValidationError.
    """
    given: dict[str, object] = {}
    for name, sent in request.form.lists():
        known = model.model_fields.get(name)
        repeats = known is not None and get_origin(known.annotation) is list
        values = [value for value in sent if value]  # a browser sends the fields left empty, too
        if values:
            given[name] = values if repeats else values[-1]
    given.update((name, file) for name, file in request.files.items() if name != IMAGE)
    return model.model_validate(given), request.files.get(IMAGE)


def multipart(model: type[BaseModel]) -> dict[str, Any]:
    """The description of such a form, for OpenAPI: the fields of `model` and the picture."""
    schema = model.model_json_schema()
    picture = {"type": "string", "format": "binary", "description": "The picture."}
    schema["properties"] = {IMAGE: picture, **schema["properties"]}
    schema["required"] = [IMAGE, *schema.get("required", [])]
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}
