"""Create an object so that its outcome is known, whatever becomes of the answer."""

from __future__ import annotations

from kdebug.domain.kinds import SECRET, Manifest, kind_of, name_of, namespace_of, title_of
from kdebug.domain.ownership import SESSION, is_owned
from kdebug.errors import (
    ApiError,
    ConflictError,
    DeniedError,
    InvalidError,
    NotFoundError,
    ServerFaultError,
    ThrottledError,
    UnreachableError,
)
from kdebug.session.port import Cluster
from kdebug.session.timing import Timing

BUDGET_SECONDS = 20.0
LONGEST_PAUSE_SECONDS = 10.0


def create_surely(cluster: Cluster, manifest: Manifest, timing: Timing, *, budget: float = BUDGET_SECONDS) -> Manifest:
    """Create the object and return it as the server has it.

    A lost answer is *unknown*, not failed: the object is asked for by its name (which carries the session's 80 random
    bits); ours is adopted, an absent one is sent again, another's ends the run. Raises ApiError after `budget` seconds:
    DeniedError and InvalidError only where nothing can have been made.
    """
    deadline = timing.clock() + budget
    pause = 0.2
    is_repeated = False
    while True:
        try:
            return cluster.create(manifest)
        except ThrottledError as error:
            last: ApiError = error
            pause = max(pause, min(error.retry_after or 0, LONGEST_PAUSE_SECONDS))
        except (UnreachableError, ServerFaultError) as error:
            last = error
            is_repeated = True
        except ConflictError as error:
            if not is_repeated:
                raise
            return _adopt(cluster, manifest, error)
        except (DeniedError, InvalidError) as error:
            if not is_repeated:
                raise
            # Of the second request: the quota, say, is full because the first one made the object.
            found = _find(cluster, manifest)
            if found is None:
                raise last from error
            return found
        if timing.clock() + pause >= deadline:
            raise last
        timing.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
        if is_repeated:
            found = _find(cluster, manifest)
            if found is not None:
                return found


def _find(cluster: Cluster, manifest: Manifest) -> Manifest | None:
    """Return the object if the server has it and it is ours; None when it is absent or cannot be asked for."""
    kind = kind_of(manifest)
    if kind is SECRET:
        return None
    try:
        found = cluster.get(kind, name_of(manifest), namespace_of(manifest))
    except (NotFoundError, ThrottledError, UnreachableError, ServerFaultError, DeniedError):
        return None
    return _own(found, manifest)


def _adopt(cluster: Cluster, manifest: Manifest, conflict: ConflictError) -> Manifest:
    """Return the object that an earlier, lost POST has made; a Secret may not be read, its name alone proves it."""
    kind = kind_of(manifest)
    if kind is SECRET:
        return manifest
    try:
        return _own(cluster.get(kind, name_of(manifest), namespace_of(manifest)), manifest)
    except NotFoundError:
        raise conflict from None


def _own(found: Manifest, manifest: Manifest) -> Manifest:
    if not is_owned(found, manifest["metadata"]["labels"][SESSION]):
        raise ConflictError(
            f"{title_of(manifest)} exists and is not this session's", because="its labels are another's"
        )
    return found
