"""Parse one YAML document strictly, keeping where each key and value stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import yaml

MAX_DEPTH = 20

Path = tuple[str | int, ...]
"""Keys and list indices from the document's root."""


class Mark(Protocol):
    """A place as the parser knows it, counted from 0."""

    line: int
    column: int


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something wrong in a file; line and column count from 1."""

    line: int
    column: int
    message: str


@dataclass(frozen=True, kw_only=True)
class Document:
    """The decoded data, and the place (line, column) of each key and list item."""

    data: Mapping[str, Any]
    places: Mapping[Path, tuple[int, int]]
    problems: tuple[Problem, ...] = ()


def parse(text: str) -> Document:
    """Return the document; one with `problems` is not to be used.

    Refused: anchors, aliases, tags and merge keys (what is written is what is meant), keys given twice, keys that are
    not text, several documents, more than 20 levels. An empty file is an empty mapping.
    """
    try:
        problems = tuple(_event_problems(text))
        if problems:
            return Document(data={}, places={}, problems=problems)
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        if root is None:
            return Document(data={}, places={(): (1, 1)})
        places, node_problems = _walk(root)
        if node_problems:
            return Document(data={}, places={}, problems=tuple(node_problems))
        return Document(data=loader.construct_document(root), places=places)
    except yaml.MarkedYAMLError as error:
        return Document(data={}, places={}, problems=(_marked(error),))
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        column = error.position - text.rfind("\n", 0, error.position)
        return Document(
            data={}, places={}, problems=(Problem(line=line, column=column, message="character not allowed"),)
        )
    except (ValueError, OverflowError) as error:
        return Document(
            data={}, places={}, problems=(Problem(line=1, column=1, message=f"value not allowed: {error}"),)
        )


def _event_problems(text: str) -> Iterator[Problem]:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                yield _at(event.start_mark, f"more than {MAX_DEPTH} levels deep")
                return
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if isinstance(event, yaml.AliasEvent):
            yield _at(event.start_mark, "aliases (*name) are not allowed: write the value out")
        elif isinstance(event, yaml.NodeEvent) and event.anchor is not None:
            yield _at(event.start_mark, "anchors (&name) are not allowed: write the value out")
        if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag is not None:
            yield _at(event.start_mark, "tags (!name) are not allowed")


def _walk(root: yaml.Node) -> tuple[dict[Path, tuple[int, int]], list[Problem]]:
    places: dict[Path, tuple[int, int]] = {}
    problems: list[Problem] = []
    if not isinstance(root, yaml.MappingNode):
        problems.append(_at(root.start_mark, "expected keys and values"))
    pending: list[tuple[Path, yaml.Node]] = [((), root)]
    while pending:
        path, node = pending.pop()
        places.setdefault(path, _place(node.start_mark))
        if isinstance(node, yaml.SequenceNode):
            pending += [((*path, index), item) for index, item in enumerate(node.value)]
        elif isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.tag != "tag:yaml.org,2002:str":
                    problems.append(_at(key.start_mark, "a key has to be text; quote it"))
                    continue
                inner = (*path, key.value)
                if inner in places:
                    line, _ = places[inner]
                    problems.append(_at(key.start_mark, f"{key.value} was given already, in line {line}"))
                    continue
                places[inner] = _place(key.start_mark)
                pending.append((inner, value))
    return places, sorted(problems, key=lambda problem: (problem.line, problem.column))


def _place(mark: Mark) -> tuple[int, int]:
    return mark.line + 1, mark.column + 1


def _at(mark: Mark | None, message: str) -> Problem:
    line, column = (1, 1) if mark is None else _place(mark)
    return Problem(line=line, column=column, message=message)


def _marked(error: yaml.MarkedYAMLError) -> Problem:
    message = " ".join(part for part in (error.problem, error.context) if part) or "not YAML"
    return _at(error.problem_mark or error.context_mark, message)
