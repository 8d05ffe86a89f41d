"""The cluster's DNS servers, as the NetworkPolicy egress rules that reach them and nothing else.

Setup records the rules as an annotation of the isolated namespace; each session's NetworkPolicy repeats them.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from kdebug.domain.kinds import Manifest, namespace_of

DNS_NAMESPACES = ("kube-system", "openshift-dns")
"""Where DNS pods count: anybody could label a pod of their own as a DNS server and so open a way out."""
DNS_LABELS: tuple[tuple[str, str], ...] = (
    ("k8s-app", "kube-dns"),
    ("k8s-app", "node-local-dns"),
    ("dns.operator.openshift.io/daemonset-dns", "default"),
)
MAX_NODES = 20
"""Nodes that are named one by one where DNS does not run in pods; more would make a policy that nobody can read."""

_LOCAL_ADDRESSES = re.compile(r"--?localip[= ]([0-9a-fA-F.:,]+)")


def dns_peers_of(pods: Sequence[Manifest], nodes: Sequence[Manifest] = ()) -> tuple[Manifest, ...]:
    """Return one egress rule for each kind of DNS server among `pods`; where there are none, one for the nodes.

    Pods on their host's network are named by address, since no pod selector matches those. Empty: not known.
    """
    servers = [pod for pod in pods if namespace_of(pod) in DNS_NAMESPACES and _dns_label(pod)]
    rules = [rule for pod in servers for rule in _rules_of(pod)]
    if not servers and 0 < len(nodes) <= MAX_NODES:
        rules = [_address_rule(address, _ports(())) for node in nodes for address in _node_addresses(node)]
    return _merged(rules)


def dns_peers_as_text(rules: Sequence[Manifest]) -> str:
    """Return the annotation's text for egress rules: one JSON list, always the same for the same rules."""
    return json.dumps(list(rules), sort_keys=True, separators=(",", ":"))


def dns_peers_from_text(text: str) -> tuple[Manifest, ...]:
    """Return the egress rules that an annotation records; none at all when one of them is not what setup writes."""
    try:
        rules = json.loads(text)
    except ValueError:
        return ()
    if not isinstance(rules, list) or not all(_is_rule(rule) for rule in rules):
        return ()
    return tuple(rules)


def _rules_of(pod: Manifest) -> tuple[Manifest, ...]:
    ports = _ports(_containers(pod))
    if pod.get("spec", {}).get("hostNetwork"):
        addresses = [pod.get("status", {}).get("hostIP", ""), *_local_addresses(pod)]
        return tuple(_address_rule(address, ports) for address in addresses if _cidr(address))
    key, value = _dns_label(pod)
    peer = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace_of(pod)}},
        "podSelector": {"matchLabels": {key: value}},
    }
    return ({"to": [peer], "ports": ports},)


def _dns_label(pod: Manifest) -> tuple[str, ...]:
    labels = pod.get("metadata", {}).get("labels") or {}
    return next((pair for pair in DNS_LABELS if labels.get(pair[0]) == pair[1]), ())


def _containers(pod: Manifest) -> Sequence[Manifest]:
    return tuple(pod.get("spec", {}).get("containers") or ())


def _local_addresses(pod: Manifest) -> list[str]:
    # The node-local cache answers on a link-local address and on the Service's, without any translation in between.
    line = " ".join(str(word) for container in _containers(pod) for word in container.get("args") or ())
    return [address for found in _LOCAL_ADDRESSES.findall(line) for address in found.split(",")]


def _ports(containers: Sequence[Manifest]) -> list[Manifest]:
    # A policy sees the pod's port, not the Service's: OpenShift's servers listen on 5353.
    named = {
        port.get("name"): port.get("containerPort") for container in containers for port in container.get("ports") or ()
    }
    return [
        {"port": named.get("dns") or 53, "protocol": "UDP"},
        {"port": named.get("dns-tcp") or 53, "protocol": "TCP"},
    ]


def _node_addresses(node: Manifest) -> list[str]:
    addresses = node.get("status", {}).get("addresses") or ()
    return [
        entry["address"] for entry in addresses if entry.get("type") == "InternalIP" and _cidr(entry.get("address", ""))
    ]


def _address_rule(address: str, ports: list[Manifest]) -> Manifest:
    return {"to": [{"ipBlock": {"cidr": _cidr(address)}}], "ports": ports}


def _cidr(address: str) -> str:
    """Return the one-address network of an address, or an empty string for what is none."""
    try:
        return str(ipaddress.ip_network(address))
    except ValueError:
        return ""


def _merged(rules: Sequence[Manifest]) -> tuple[Manifest, ...]:
    """Return the rules with those of the same ports joined, peers sorted and each named once."""
    peers_by_ports: dict[str, dict[str, Manifest]] = {}
    for rule in rules:
        peers = peers_by_ports.setdefault(json.dumps(rule["ports"], sort_keys=True), {})
        peers.update({json.dumps(peer, sort_keys=True): peer for peer in rule["to"]})
    return tuple(
        {"to": [peers[key] for key in sorted(peers)], "ports": json.loads(ports)}
        for ports, peers in sorted(peers_by_ports.items())
    )


def _is_rule(rule: Any) -> bool:
    if not isinstance(rule, Mapping) or set(rule) != {"to", "ports"}:
        return False
    lists = (rule["to"], rule["ports"])
    if not all(isinstance(entries, list) and entries for entries in lists):
        return False
    return all(_is_peer(peer) for peer in rule["to"]) and all(_is_port(port) for port in rule["ports"])


def _is_peer(peer: Any) -> bool:
    if not isinstance(peer, Mapping):
        return False
    if set(peer) == {"ipBlock"}:
        block = peer["ipBlock"]
        return isinstance(block, Mapping) and set(block) == {"cidr"} and _is_one_address(block["cidr"])
    return set(peer) == {"namespaceSelector", "podSelector"} and all(_is_selector(entry) for entry in peer.values())


def _is_selector(selector: Any) -> bool:
    # An empty selector selects everything.
    labels = selector.get("matchLabels") if isinstance(selector, Mapping) and set(selector) == {"matchLabels"} else None
    return isinstance(labels, Mapping) and bool(labels) and all(isinstance(value, str) for value in labels.values())


def _is_one_address(cidr: Any) -> bool:
    try:
        return isinstance(cidr, str) and ipaddress.ip_network(cidr).num_addresses == 1
    except ValueError:
        return False


def _is_port(port: Any) -> bool:
    if not isinstance(port, Mapping) or set(port) != {"port", "protocol"} or port["protocol"] not in ("UDP", "TCP"):
        return False
    return isinstance(port["port"], int) and not isinstance(port["port"], bool) and 0 < port["port"] < 65536
