"""The parts of the embedded cluster, put together: everything but the network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from kdebug.demo.admission import Admission, Denial, Webhook
from kdebug.demo.api import Api
from kdebug.demo.clock import Clock
from kdebug.demo.collector import Collector
from kdebug.demo.defaults import fill_in
from kdebug.demo.exec import ExecStreams
from kdebug.demo.jobs import JobController
from kdebug.demo.kubelet import Kubelet
from kdebug.demo.resources import JSON
from kdebug.demo.store import Store
from kdebug.demo.timings import Timings
from kdebug.demo.toolbox import Toolbox
from kdebug.domain.kinds import Manifest


class Model:
    """One cluster without its server. Not safe for threads: everything runs where its clock runs."""

    def __init__(
        self,
        clock: Clock,
        timings: Timings,
        directory: Path,
        new_uid: Callable[[], str],
        *,
        user: str,
        denied: Sequence[Denial] = (),
        webhooks: Sequence[Webhook] = (),
    ) -> None:
        self.clock = clock
        self.user = user
        self.store = Store(clock, new_uid)
        self.admission = Admission(self.store, denied=denied, webhooks=webhooks)
        self.api = Api(self.store, clock, self.admission)
        self.jobs = JobController(self.store, clock)
        self.collector = Collector(self.store, clock, timings.collect)
        self.kubelet = Kubelet(self.store, clock, timings, lambda key: self.streams.stopped(key))
        self.streams = ExecStreams(self.kubelet, Toolbox(directory / "busybox"), directory / "homes")

    def load(self, manifests: Sequence[Manifest]) -> None:
        """Put a scenario's objects in, with defaults but without admission; owners are found by kind and name."""
        uids: dict[tuple[str, str], str] = {}
        for manifest in manifests:
            made = self.store.prepared(manifest)
            kept = {key: manifest[key] for key in ("status", "spec") if key in manifest and manifest["kind"] != "Pod"}
            fill_in(made, lambda uid=made["metadata"]["uid"]: str(uid)[:5])  # type: ignore[misc]
            if made["kind"] == "Namespace":
                kept = {}
            made |= kept
            if made["kind"] == "Pod" and "status" in manifest:
                made["status"] = dict(manifest["status"])
            for owner in made["metadata"].get("ownerReferences", ()):
                owner.setdefault("uid", uids.get((owner["kind"], owner["name"]), ""))
            uids[made["kind"], made["metadata"]["name"]] = made["metadata"]["uid"]
            self.store.insert(made)

    def review(self, review: JSON, headers: Mapping[str, str]) -> JSON:
        """Answer a SelfSubjectAccessReview or a SelfSubjectReview."""
        user = headers.get("Impersonate-User", self.user)
        if review["kind"] == "SelfSubjectReview":
            return review | {"status": {"userInfo": {"username": user, "groups": ["system:authenticated"]}}}
        asked: JSON = (review.get("spec") or {}).get("resourceAttributes") or {}
        resource = "/".join(part for part in (asked.get("resource", ""), asked.get("subresource", "")) if part)
        is_allowed = self.admission.may(
            asked.get("verb", ""),
            resource,
            group=asked.get("group", ""),
            namespace=asked.get("namespace", ""),
            name=asked.get("name", ""),
        )
        return review | {"status": {"allowed": is_allowed}}
