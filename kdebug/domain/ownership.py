"""What marks an object as a session's own: keys, names, owners, the anchor, and how a session is read back."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from kdebug.domain.kinds import Manifest, name_of, namespace_of, uid_of

SESSION = "kdebug.dev/session"
TARGET = "kdebug.dev/target"
TARGET_UID = "kdebug.dev/target-uid"
CONTAINER = "kdebug.dev/container"
IMAGE = "kdebug.dev/image"
USER = "kdebug.dev/user"
REASON = "kdebug.dev/reason"
HARD_CAP = "kdebug.dev/hard-cap-seconds"
HOLDER = "kdebug.dev/holder"
RENEWED = "kdebug.dev/renewed"
DETACHED = "kdebug.dev/detached"
SHELL = "kdebug.dev/shell"
MANAGED_BY = "app.kubernetes.io/managed-by"
PART_OF = "app.kubernetes.io/part-of"

ZERO_UID = "00000000-0000-0000-0000-000000000000"
"""Stands for the anchor's uid in a plan: the server gives the real one when the anchor is created."""

LEASE_SECONDS = 300
TTL_SECONDS = 30
RENEW_SECONDS = 60
HOLDER_LOST_SECONDS = 120
MAX_HARD_CAP_SECONDS = 4 * 3600
_LONGEST_DEADLINE = 10**9
"""Stands for any longer one, which no date could be told for."""
GRACE_SECONDS = 10
"""Added to lease and TTL in what users are told: the collector's and the kubelet's own time."""


def new_session_id(random: bytes) -> str:
    """Return 16 base32 characters for 80 random bits."""
    if len(random) != 10:
        raise ValueError("a session id takes 80 random bits")
    return base64.b32encode(random).decode().casefold()


def object_name(session_id: str, suffix: str = "") -> str:
    """Return the name of a session's object: kdebug-<id> or kdebug-<id>-<suffix>."""
    return f"kdebug-{session_id}-{suffix}" if suffix else f"kdebug-{session_id}"


def session_labels(session_id: str) -> dict[str, str]:
    """Return the labels that every object of a session carries."""
    return {SESSION: session_id, MANAGED_BY: "kdebug"}


def owner_reference(session_id: str, uid: str = ZERO_UID) -> dict[str, Any]:
    """Return the reference to the anchor; blockOwnerDeletion would need a right on finalizers."""
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "name": object_name(session_id),
        "uid": uid,
        "controller": False,
        "blockOwnerDeletion": False,
    }


def with_owner(manifest: Manifest, uid: str) -> dict[str, Any]:
    """Return the manifest with the anchor's real uid in place of the zero one."""
    metadata = dict(manifest["metadata"])
    references = metadata.get("ownerReferences")
    if references:
        metadata["ownerReferences"] = [
            {**reference, "uid": uid} if reference["uid"] == ZERO_UID else reference for reference in references
        ]
    return {**manifest, "metadata": metadata}


def anchor(
    session_id: str,
    namespace: str,
    *,
    annotations: Mapping[str, str],
    clone: Manifest,
    deadline_seconds: int = LEASE_SECONDS,
) -> dict[str, Any]:
    """Return the Job that is created first, owns the rest and expires on the server; it makes no pod.

    Its template carries the clone's image and hardening, because policy engines judge templates.
    """
    spec = clone["spec"]
    container = spec["containers"][0]
    template: dict[str, Any] = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "containers": [
            {
                key: container[key]
                for key in ("name", "image", "command", "resources", "securityContext")
                if key in container
            }
        ],
    }
    if "securityContext" in spec:
        template["securityContext"] = spec["securityContext"]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": object_name(session_id),
            "namespace": namespace,
            "labels": session_labels(session_id),
            "annotations": dict(annotations),
        },
        "spec": {
            "parallelism": 0,
            "completions": 1,
            "backoffLimit": 0,
            "activeDeadlineSeconds": deadline_seconds,
            "ttlSecondsAfterFinished": TTL_SECONDS,
            "template": {"metadata": {"labels": session_labels(session_id)}, "spec": template},
        },
    }


def is_owned(manifest: Manifest, session_id: str = "") -> bool:
    """Return whether the object is kdebug's own (of this session, when one is named)."""
    labels = manifest.get("metadata", {}).get("labels") or {}
    if labels.get(MANAGED_BY) != "kdebug" or SESSION not in labels:
        return False
    return not session_id or labels[SESSION] == session_id


def owner_uids(manifest: Manifest) -> frozenset[str]:
    """Return the uids of the object's owners."""
    references = manifest.get("metadata", {}).get("ownerReferences") or ()
    return frozenset(str(reference.get("uid", "")) for reference in references)


def is_named_for(manifest: Manifest, session_id: str) -> bool:
    """Return whether the object's name is one that only this session makes: labels alone may have been copied."""
    own, name = object_name(session_id), name_of(manifest)
    return bool(session_id) and (name == own or name.startswith(f"{own}-"))


def parse_time(text: str) -> datetime | None:
    """Return an RFC 3339 time as the API writes it, or None."""
    try:
        value = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def format_time(moment: datetime) -> str:
    """Return RFC 3339 in UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, kw_only=True)
class SessionRecord:
    """A session as its anchor on the server tells it."""

    id: str
    namespace: str
    uid: str
    target: str
    """NAMESPACE/POD."""
    container: str
    image: str
    user: str
    holder: str
    shell: str
    is_detached: bool
    is_over: bool
    started: datetime | None
    renewed: datetime | None
    deadline_seconds: int
    hard_cap_seconds: int

    @property
    def until(self) -> datetime | None:
        """When the anchor's deadline ends the session, unless it is renewed."""
        return self.started + timedelta(seconds=self.deadline_seconds) if self.started else None

    @property
    def gone_by(self) -> datetime | None:
        """When the server has removed everything, if nobody renews."""
        return self.until + timedelta(seconds=TTL_SECONDS + GRACE_SECONDS) if self.until else None

    def is_expired(self, now: datetime) -> bool:
        """Return whether the deadline has passed on the server's clock."""
        return self.is_over or (self.until is not None and self.until <= now)

    def is_holder_lost(self, now: datetime) -> bool:
        """Return whether nobody has renewed for so long that another may become the holder."""
        if self.is_detached:
            return True
        last = self.renewed or self.started
        return last is not None and now - last >= timedelta(seconds=HOLDER_LOST_SECONDS)


def read_session(job: Manifest) -> SessionRecord:
    """Return the session that an anchor stands for; missing annotations become empty strings."""
    metadata, spec, status = job["metadata"], job.get("spec", {}), job.get("status") or {}
    notes = metadata.get("annotations") or {}
    deadline = min(int(spec.get("activeDeadlineSeconds") or 0), _LONGEST_DEADLINE)
    return SessionRecord(
        id=(metadata.get("labels") or {}).get(SESSION, ""),
        namespace=namespace_of(job),
        uid=uid_of(job),
        target=notes.get(TARGET, ""),
        container=notes.get(CONTAINER, ""),
        image=notes.get(IMAGE, ""),
        user=notes.get(USER, ""),
        holder=notes.get(HOLDER, ""),
        shell=notes.get(SHELL, ""),
        is_detached=notes.get(DETACHED) == "true",
        is_over=is_over(job),
        started=parse_time(status.get("startTime") or metadata.get("creationTimestamp") or ""),
        renewed=parse_time(notes.get(RENEWED, "")),
        deadline_seconds=deadline,
        # An annotation can be changed: it never allows more than a plan does, and without it nothing is extended.
        hard_cap_seconds=min(_number(notes.get(HARD_CAP, "")) or deadline, MAX_HARD_CAP_SECONDS),
    )


def is_over(job: Manifest) -> bool:
    """Return whether the Job has finished or is about to: a renewal of such a Job succeeds and means nothing."""
    if job.get("metadata", {}).get("deletionTimestamp"):
        return True
    conditions: Iterable[Mapping[str, Any]] = (job.get("status") or {}).get("conditions") or ()
    return any(
        c.get("type") in ("Failed", "FailureTarget", "Complete") and c.get("status") == "True" for c in conditions
    )


def difference_of_anchor(sent: Manifest, read: Manifest) -> str:
    """Return what a webhook changed of the anchor's expiry, or an empty string; such a change ends the run."""
    wanted, found = sent["spec"], read.get("spec", {})
    if found.get("suspend"):
        return "the anchor was suspended, so it would never expire"
    for key in ("activeDeadlineSeconds", "ttlSecondsAfterFinished", "parallelism"):
        if found.get(key) != wanted[key]:
            return f"the anchor's {key} was changed from {wanted[key]} to {found.get(key)}"
    if not is_owned(read, sent["metadata"]["labels"][SESSION]) or name_of(read) != name_of(sent):
        return "the anchor's name or labels were changed"
    return ""


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 10 else 0
