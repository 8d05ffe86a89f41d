"""Rights are asked before the first write: each missing one is named, with the Role that grants it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import pytest

from kdebug.domain.rights import Access, session_accesses
from kdebug.errors import DeniedError, MissingRightsError
from kdebug.session.port import Cluster
from kdebug.session.preflight import check_rights

ACCESSES = session_accesses("iso", "prism", with_secret=["db"], copies_config_maps=["app"])
NEEDED = tuple(access for access in ACCESSES if not access.is_optional)


class Rights:
    """A server that refuses some rights, and says who asks."""

    def __init__(self, *refused: Access) -> None:
        self.refused = refused
        self.asked: list[str] = []

    def may(self, accesses: Sequence[Access]) -> tuple[bool, ...]:
        self.asked.append("may")
        return tuple(access not in self.refused for access in accesses)

    def user(self) -> str:
        self.asked.append("user")
        return "jane"


def check(server: Rights, user: str = "") -> tuple[Access, ...]:
    return check_rights(cast(Cluster, server), ACCESSES, user)


def test_with_every_right_nothing_is_said() -> None:
    server = Rights()
    assert check(server) == ()
    assert server.asked == ["may"]


@pytest.mark.parametrize("access", NEEDED, ids=str)
def test_each_right_that_is_missing_alone_is_named(access: Access) -> None:
    with pytest.raises(MissingRightsError) as caught:
        check(Rights(access))
    error = caught.value
    assert error.exit_code == 5
    assert isinstance(error, DeniedError)
    assert error.because == f"jane may not {access} (to {access.reason})"
    role, binding = error.manifests
    assert [rule["verbs"] for rule in role["rules"]] == [[access.verb]]
    assert [rule["resources"] for rule in role["rules"]] == [[access.resource_path]]
    assert role["metadata"]["namespace"] == access.namespace
    assert binding["subjects"][0]["name"] == "jane"


def test_deletion_is_among_the_rights() -> None:
    deletable = {access.resource for access in NEEDED if access.verb == "delete"}
    assert deletable == {access.resource for access in NEEDED if access.verb == "create" and not access.subresource}


def test_optional_rights_are_handed_back() -> None:
    optional = tuple(access for access in ACCESSES if access.is_optional)
    assert optional
    assert check(Rights(*optional)) == optional


def test_a_role_is_printed_for_what_is_needed_only() -> None:
    with pytest.raises(MissingRightsError) as caught:
        check(Rights(*ACCESSES), user="joe")
    roles = [manifest for manifest in caught.value.manifests if manifest["kind"] == "Role"]
    assert [role["metadata"]["namespace"] for role in roles] == ["prism", "iso"]
    assert sum(len(rule["verbs"]) for role in roles for rule in role["rules"]) == len(NEEDED)
    assert caught.value.because.count("\n") == len(NEEDED) - 1
    assert "joe may not delete pods in namespace iso" in caught.value.because
