"""Differences are complete, named as a user would name them, and the same manifest has none."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdebug.domain.difference import differences


def _paths(old: Any, new: Any) -> list[tuple[str, str]]:
    return [(difference.kind, difference.path) for difference in differences(old, new)]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": 1}, {"a": 2}, [("changed", "a")]),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, [("removed", "a.c")]),
        ({"a": {"b": 1, "c": 2}}, {}, [("removed", "a")]),
        ({}, {"a": {"b": 1, "c": {"d": 2}}}, [("added", "a.b"), ("added", "a.c.d")]),
        ({"l": {"x.y/z": "1"}}, {"l": {"x.y/z": "2"}}, [("changed", "l[x.y/z]")]),
        (
            {"c": [{"name": "a", "image": 1}, {"name": "b"}]},
            {"c": [{"name": "c"}, {"name": "a", "image": 2}]},
            [("changed", "c[a].image"), ("removed", "c[b]"), ("added", "c[c]")],
        ),
        (
            {"m": [{"name": "v", "mountPath": "/a"}, {"name": "v", "mountPath": "/b"}]},
            {},
            [("removed", "m[/a]"), ("removed", "m[/b]")],
        ),
        (
            {"e": [{"configMapRef": {"name": "x"}}, {"secretRef": {"name": "y"}}]},
            {"e": [{"configMapRef": {"name": "z"}}]},
            [("changed", "e[configMapRef].configMapRef.name"), ("removed", "e[secretRef]")],
        ),
        ({"t": [{"o": 1}, {"o": 2}, {"o": 1}]}, {"t": [{"o": 1}, {"o": 1}]}, [("removed", "t[1]")]),
        ({"t": [{"o": 1}, {"o": 2}]}, {"t": [{"o": 1}, {"o": 3}]}, [("changed", "t[1].o")]),
        ({"s": ["a", "b"]}, {"s": ["b"]}, [("changed", "s")]),
        ({"a": None, "b": []}, {}, []),
        ({"d": {}}, {}, [("removed", "d")]),
        ({}, {"d": {}}, [("added", "d")]),
    ],
)
def test_named_places(old: Any, new: Any, expected: list[tuple[str, str]]) -> None:
    assert _paths(old, new) == expected


_values = st.recursive(
    st.one_of(st.integers(0, 3), st.sampled_from(["", "a"]), st.booleans()),
    lambda inner: st.one_of(
        st.dictionaries(st.sampled_from(["name", "key", "x"]), inner, max_size=3), st.lists(inner, max_size=3)
    ),
    max_leaves=12,
)
_objects = st.dictionaries(st.sampled_from(["a", "b", "name"]), _values, max_size=3)


@given(_objects)
def test_a_manifest_does_not_differ_from_itself(manifest: dict[str, Any]) -> None:
    assert differences(manifest, manifest) == ()


@given(_objects, _objects)
def test_manifests_that_differ_have_a_difference(old: dict[str, Any], new: dict[str, Any]) -> None:
    def plain(value: Any) -> Any:
        # An empty list says no more than none at all, and the order of named items is not compared.
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items() if item != []}
        return sorted((plain(item) for item in value), key=repr) if isinstance(value, list) else value

    if plain(old) != plain(new):
        assert differences(old, new)
