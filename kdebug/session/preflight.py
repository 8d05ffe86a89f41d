"""The rights that a session needs, asked of the server before the first write."""

from __future__ import annotations

from collections.abc import Sequence

from kdebug.domain.rights import Access, role_for
from kdebug.errors import MissingRightsError
from kdebug.session.port import Cluster


def check_rights(cluster: Cluster, accesses: Sequence[Access], user: str = "") -> tuple[Access, ...]:
    """Return the optional rights that are missing; raise MissingRightsError when a needed one is.

    The error names each missing right and what it is for, and carries the Role (and its binding to `user`, the name
    from the server) that grants exactly those. A session that could not clean up does not start: deletes are asked too.
    """
    answers = cluster.may(accesses)
    missing = [access for access, is_allowed in zip(accesses, answers, strict=True) if not is_allowed]
    needed = [access for access in missing if not access.is_optional]
    if needed:
        raise missing_rights(needed, user or cluster.user())
    return tuple(missing)


def missing_rights(needed: Sequence[Access], user: str) -> MissingRightsError:
    """Return the error for rights that are missing."""
    count = "1 right is missing" if len(needed) == 1 else f"{len(needed)} rights are missing"
    return MissingRightsError(
        f"{count}; nothing was written",
        because="\n".join(f"{user or 'the user'} may not {access} (to {access.reason})" for access in needed),
        remedy="ask whoever runs the cluster to apply the Role below with: kubectl apply -f -",
        manifests=role_for(needed, user),
    )
