"""The steps about where the clone runs, how long, under which names, and who it is to the cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kdebug.domain.clone.settings import CloneSettings
from kdebug.domain.clone.steps import Step, drop_volumes, edit_spec, having, leave_out, on_containers, without

INJECTOR_LABELS = {
    "sidecar.istio.io/inject": "false",
    "kuma.io/sidecar-injection": "disabled",
    "admission.datadoghq.com/enabled": "false",
}
INJECTOR_ANNOTATIONS = {
    "sidecar.istio.io/inject": "false",
    "linkerd.io/inject": "disabled",
    "config.linkerd.io/admission-webhooks": "disabled",
    "consul.hashicorp.com/connect-inject": "false",
    "vault.hashicorp.com/agent-inject": "false",
    "openservicemesh.io/sidecar-injection": "disabled",
    "appmesh.k8s.aws/sidecarInjectorWebhook": "disabled",
    "injector.nsm.nginx.com/auto-inject": "disabled",
    "sidecar.opentelemetry.io/inject": "false",
    "dynatrace.com/inject": "false",
    "oneagent.dynatrace.com/inject": "false",
    "dapr.io/enabled": "false",
}
"""The opt-outs of sidecar injectors: a second proxy beside a sleeping container helps nobody."""

MAX_SEARCHES = 32
MAX_SEARCHES_LENGTH = 2048
_PLATFORM = ("kubernetes.io/os", "kubernetes.io/arch")
_TOKEN_MOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


def own_identity(settings: CloneSettings) -> Step:
    """Give the clone its own metadata."""
    metadata = {
        "name": settings.name,
        "namespace": settings.namespace,
        "labels": {**INJECTOR_LABELS, **settings.labels},
        "annotations": {**INJECTOR_ANNOTATIONS, **settings.annotations},
        "ownerReferences": [dict(settings.owner)],
    }
    return Step(
        name="identity",
        why="its own name, labels and owner: Services and ReplicaSets select by labels, others act on annotations",
        apply=lambda pod: {**pod, "metadata": metadata},
    )


def own_account() -> Step:
    """Run as the isolated namespace's default account, without a token."""

    def edit(spec: Mapping[str, Any]) -> Mapping[str, Any]:
        tokens = {
            mount.get("name")
            for container in spec["containers"] + (spec.get("initContainers") or [])
            for mount in container.get("volumeMounts") or ()
            if str(mount.get("mountPath", "")).rstrip("/") == _TOKEN_MOUNT
        }
        kept = drop_volumes(without(spec, "serviceAccount"), lambda volume: volume.get("name") in tokens)
        return {**kept, "serviceAccountName": "default", "automountServiceAccountToken": False}

    return Step(
        name="service account",
        why="the target's account would lend its rights to whoever holds the shell",
        apply=edit_spec(edit),
    )


def no_host() -> Step:
    """Leave the node's own namespaces alone."""
    return Step(
        name="host namespaces",
        why="a clone sees nothing of its node, and no process but its own",
        apply=leave_out("hostNetwork", "hostPID", "hostIPC", "hostUsers", "shareProcessNamespace"),
    )


def free_scheduling() -> Step:
    """Let the scheduler put the clone anywhere that fits its platform."""

    def edit(spec: Mapping[str, Any]) -> Mapping[str, Any]:
        selector = {key: value for key, value in (spec.get("nodeSelector") or {}).items() if key in _PLATFORM}
        rest = without(
            spec, "nodeName", "affinity", "tolerations", "topologySpreadConstraints", "schedulerName", "schedulingGates"
        )  # fmt: skip
        return having(rest, nodeSelector=selector or None)

    return Step(
        name="scheduling",
        why="the clone runs on any node of the same OS and architecture, and holds no place that the target needs",
        apply=edit_spec(edit),
    )


def no_priority() -> Step:
    """Leave out priorities."""
    return Step(
        name="priority",
        why="a clone must never push out real work",
        apply=leave_out("priority", "priorityClassName", "preemptionPolicy"),
    )


def no_runtime_class() -> Step:
    """Leave out runtime classes and gates that other controllers would have to open."""
    return Step(
        name="runtime and gates",
        why="the clone runs under the default runtime, and waits for no controller of the target's",
        apply=leave_out("runtimeClassName", "overhead", "readinessGates"),
    )


def no_claims() -> Step:
    """Leave out claimed devices."""

    def of_container(container: Mapping[str, Any]) -> Mapping[str, Any]:
        resources = container.get("resources")
        return container if not resources else {**container, "resources": without(resources, "claims")}

    return Step(
        name="device claims",
        why="a claimed device belongs to the target, in its namespace",
        apply=edit_spec(lambda spec: on_containers(without(spec, "resourceClaims"), of_container)),
    )


def own_names() -> Step:
    """Leave out the target's host names."""
    return Step(
        name="host names",
        why="the target's own names on the network stay the target's",
        apply=leave_out("hostname", "hostnameOverride", "subdomain", "setHostnameAsFQDN"),
    )


def no_service_links() -> Step:
    """Leave the default for service variables: they name the services of the isolated namespace only."""
    return Step(
        name="service links",
        why="variables of services come from the clone's own namespace, not from the target's",
        apply=leave_out("enableServiceLinks"),
    )


def cluster_dns(settings: CloneSettings) -> Step:
    """Resolve names through the cluster, short service names as in the target's namespace."""

    def edit(spec: Mapping[str, Any]) -> Mapping[str, Any]:
        config = without(spec.get("dnsConfig") or {}, "nameservers")
        searches = [str(search) for search in config.get("searches") or ()]
        if settings.target_namespace and settings.target_namespace != settings.namespace:
            own = f"{settings.target_namespace}.svc.{settings.cluster_domain}"
            searches = [own, *(search for search in searches if search.rstrip(".") != own)]
        config = having(config, searches=_within_limits(searches))
        return having(without(spec, "dnsPolicy", "hostAliases"), dnsConfig=config or None)

    return Step(
        name="name resolution",
        why="the cluster's DNS resolves names, and searches the target's namespace so that short names mean the same",
        apply=edit_spec(edit),
    )


def _within_limits(searches: list[str]) -> list[str]:
    kept = searches[:MAX_SEARCHES]
    while len(" ".join(kept)) > MAX_SEARCHES_LENGTH:
        kept = kept[:-1]
    return kept


def own_pull_secrets() -> Step:
    """Pull with the isolated namespace's own secrets."""
    return Step(
        name="pull secrets",
        why="images are pulled with the isolated namespace's own secrets; the target's are in its namespace",
        apply=leave_out("imagePullSecrets"),
    )


def short_life(settings: CloneSettings) -> Step:
    """Let the clone end once, at once, and never later than the hard cap."""
    life = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 2,
        "activeDeadlineSeconds": settings.hard_cap_seconds,
    }
    return Step(
        name="lifetime",
        why="the clone is never restarted, ends at once when deleted, and the node stops it at the hard cap",
        apply=edit_spec(lambda spec: {**spec, **life}),
    )
