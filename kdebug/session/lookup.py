"""The reads that find a target, and what to say where they find nothing or are not allowed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kdebug.domain.kinds import DEPLOYMENT, NAMESPACE, POD, STATEFUL_SET, Kind, Manifest, name_of
from kdebug.domain.rights import Access, access_to, role_for
from kdebug.domain.target import workload_of
from kdebug.domain.text import safe
from kdebug.errors import (
    ApiError,
    DeniedError,
    MissingRightsError,
    NotFoundError,
    TargetError,
    UnauthenticatedError,
)
from kdebug.session.choice import nearest
from kdebug.session.port import Cluster


@dataclass(frozen=True, kw_only=True)
class Lookup:
    """Reads in one namespace, for the sake of a target."""

    cluster: Cluster
    namespace: str

    def get(self, kind: Kind, name: str) -> Manifest:
        """Return one object; a refusal names the missing right, NotFoundError passes."""
        try:
            return self.cluster.get(kind, name, self.namespace)
        except UnauthenticatedError:
            raise
        except DeniedError as error:
            raise self._denied(kind, "get", error) from error

    def find(self, kind: Kind, name: str) -> Manifest | None:
        """Return one object, None when it is absent or may not be read."""
        try:
            return self.cluster.get(kind, name, self.namespace)
        except UnauthenticatedError:
            raise
        except (NotFoundError, DeniedError):
            return None

    def items(self, kind: Kind, labels: str = "") -> list[Manifest]:
        """Return the objects of a kind; a refusal names the missing right."""
        try:
            return [*self.cluster.list(kind, self.namespace, labels=labels).items]
        except UnauthenticatedError:
            raise
        except DeniedError as error:
            raise self._denied(kind, "list", error) from error

    def items_if_allowed(self, kind: Kind, labels: str = "") -> list[Manifest] | None:
        """Return the objects of a kind, None when they may not be listed."""
        try:
            return self.items(kind, labels)
        except UnauthenticatedError:
            raise
        except DeniedError:
            return None

    def access(self, kind: Kind, verb: str) -> Access:
        """Return the right to read a kind here."""
        return access_to(kind, verb, namespace=self.namespace, reason="find the target")

    def not_found(self, what: str, name: str, pods: Sequence[Manifest], title: str = "") -> TargetError:
        """Return the error for a name that nothing has: the nearest ones here, and the namespaces that have it.

        `title` is TYPE/NAME where a type was given: then only workloads are near.
        """
        places = self._places_of(name)
        workloads = {workload_of(pod) for pod in pods if not workload_of(pod).startswith("pod/")}
        names = workloads if title else workloads | {name_of(pod) for pod in pods}
        close = nearest(title or name, sorted(names))
        because = f"the nearest names are: {', '.join(map(safe, close))}" if close else self.why_empty()
        remedy = f"kubectl get pods -n {self.namespace}"
        if places:
            there = f"{name} is in namespace {', '.join(map(safe, places[:3]))}"
            because = f"{there}; here {because}" if close else there
            remedy = f"kdebug {title or name} -n {safe(places[0])}"
        elif close:
            remedy = f"kdebug {safe(close[0])} -n {self.namespace}"
        return TargetError(f"namespace {self.namespace} has no {what}", because=because, remedy=remedy)

    def idle(self, title: str, because: str) -> TargetError:
        """Return the error for a workload without a pod to look at."""
        remedy = f"kubectl get {title} -n {self.namespace} -o yaml | kdebug -f -"
        return TargetError(f"{title} has nothing to debug", because=because, remedy=remedy)

    def why_empty(self) -> str:
        """Return what is known of a namespace in which nothing was found."""
        try:
            self.cluster.get(NAMESPACE, self.namespace)
        except NotFoundError:
            return f"there is no namespace {self.namespace}"
        except ApiError:
            return f"nothing in namespace {self.namespace} has such a name"
        return f"nothing in namespace {self.namespace} has such a name"

    def _places_of(self, name: str) -> list[str]:
        """Return the other namespaces with a pod or workload of exactly this name, as far as they may be listed."""
        for kind in (POD, DEPLOYMENT, STATEFUL_SET):
            try:
                items = self.cluster.list(kind, fields=f"metadata.name={name}").items
            except ApiError:
                return []
            found = sorted({str(item["metadata"].get("namespace", "")) for item in items} - {self.namespace})
            if found:
                return found
        return []

    def _denied(self, kind: Kind, verb: str, error: DeniedError) -> MissingRightsError:
        access = self.access(kind, verb)
        return MissingRightsError(
            f"the target cannot be found without the right to {access}",
            because=error.because or error.what,
            remedy="ask whoever runs the cluster to apply the Role below with: kubectl apply -f -"
            + ("; or give the pod's whole name" if verb == "list" else ""),
            manifests=role_for([access], self._user()),
        )

    def _user(self) -> str:
        """Return the user's name, or nothing: an error must not hide behind another."""
        try:
            return self.cluster.user()
        except ApiError:
            return ""
