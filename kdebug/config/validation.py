"""Check a document against the schema and say every problem with its place and, for an unknown key, the nearest one."""

from __future__ import annotations

import difflib
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from kdebug.config.document import Document, Path, Problem
from kdebug.config.schema import ConfigModel
from kdebug.domain.text import safe

_WORDS = {
    "string_type": "should be text; quote it",
    "list_type": "should be a list",
    "dict_type": "should be keys and values",
    "model_type": "should be keys and values",
}


def validate(document: Document) -> ConfigModel | tuple[Problem, ...]:
    """Return the model, or every problem in the order of the file."""
    try:
        return ConfigModel.model_validate(document.data)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False)
        problems = [_problem(document, tuple(detail["loc"]), detail) for detail in details]
        return tuple(sorted(problems, key=lambda problem: (problem.line, problem.column)))


def _problem(document: Document, location: Path, detail: Mapping[str, Any]) -> Problem:
    path = tuple(part for part in location if part != "[key]")
    line, column = _place(document, path)
    return Problem(line=line, column=column, message=f"{_dotted(path)}: {_message(path, detail)}")


def _place(document: Document, path: Path) -> tuple[int, int]:
    for length in range(len(path), -1, -1):
        if path[:length] in document.places:
            return document.places[path[:length]]
    return 1, 1


def _dotted(path: Path) -> str:
    return safe("".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix("."), 200)


def _message(path: Path, detail: Mapping[str, Any]) -> str:
    if detail["type"] == "missing":
        return "is missing; the first line is: apiVersion: kdebug/v1" if path == ("apiVersion",) else "is missing"
    if detail["type"] == "extra_forbidden":
        known = sorted(_keys_beside(path))
        nearest = difflib.get_close_matches(str(path[-1]), known, n=1, cutoff=0.5)
        return f"unknown key (did you mean {nearest[0]}?)" if nearest else f"unknown key (known: {', '.join(known)})"
    message = _WORDS.get(detail["type"]) or str(detail["msg"])
    for opening in ("Value error, ", "Input ", "String "):
        message = message.removeprefix(opening)
    found = detail["input"]
    shown = f" (got {safe(repr(found), 80)})" if isinstance(found, str | int | float | bool) or found is None else ""
    return f"{message}{shown}"


def _keys_beside(path: Path) -> Iterator[str]:
    model: type[BaseModel] = ConfigModel
    for part in path[:-1]:
        annotation = typing.get_type_hints(model).get(str(part))
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return
        model = annotation
    yield from model.model_fields
