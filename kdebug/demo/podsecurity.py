"""Pod Security admission: the baseline and restricted standards, in the words of the real one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kdebug.demo.resources import JSON

_BASELINE_CAPABILITIES = {
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP",
    "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
}  # fmt: skip
_RESTRICTED_VOLUMES = {
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret",
    "image",
}  # fmt: skip


def violations(spec: JSON, level: str) -> list[str]:
    """Return what a pod's spec does against a level (privileged, baseline, restricted), in the server's order."""
    if level not in ("baseline", "restricted"):
        return []
    is_restricted = level == "restricted"
    found = [
        "" if is_restricted else _baseline_capabilities(spec),
        _host_namespaces(spec),
        "" if is_restricted else _host_paths(spec),
        _host_ports(spec),
        _privileged(spec),
        *((_escalation(spec), _restricted_capabilities(spec), _volume_types(spec)) if is_restricted else ()),
        *((_non_root(spec), _root_user(spec)) if is_restricted else ()),
        _seccomp(spec, is_restricted=is_restricted),
    ]
    return [text for text in found if text]


def _containers(spec: JSON) -> list[JSON]:
    return [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]


def _security(item: JSON) -> JSON:
    found: JSON = item.get("securityContext") or {}
    return found


def _named(spec: JSON, is_wrong: Callable[[JSON], bool]) -> list[str]:
    return [str(container.get("name", "")) for container in _containers(spec) if is_wrong(container)]


def _list(noun: str, names: Sequence[str]) -> str:
    return f"{noun}{'' if len(names) == 1 else 's'} {', '.join(_quoted(names))}"


def _quoted(names: Sequence[str]) -> list[str]:
    return [f'"{name}"' for name in names]


def _host_namespaces(spec: JSON) -> str:
    used = [f"{field}=true" for field in ("hostNetwork", "hostPID", "hostIPC") if spec.get(field)]
    return f"host namespaces ({', '.join(used)})" if used else ""


def _host_ports(spec: JSON) -> str:
    ports = {
        str(container.get("name")): [
            str(port["hostPort"]) for port in container.get("ports") or () if port.get("hostPort")
        ]
        for container in _containers(spec)
    }
    using = {name: found for name, found in ports.items() if found}
    if not using:
        return ""
    every = [port for found in using.values() for port in found]
    verb = "uses" if len(using) == 1 else "use"
    noun = "hostPort" if len(every) == 1 else "hostPorts"
    return f"hostPort ({_list('container', list(using))} {verb} {noun} {', '.join(every)})"


def _privileged(spec: JSON) -> str:
    names = _named(spec, lambda container: bool(_security(container).get("privileged")))
    return f"privileged ({_list('container', names)} must not set securityContext.privileged=true)" if names else ""


def _escalation(spec: JSON) -> str:
    names = _named(spec, lambda container: _security(container).get("allowPrivilegeEscalation") is not False)
    if not names:
        return ""
    must = "must set securityContext.allowPrivilegeEscalation=false"
    return f"allowPrivilegeEscalation != false ({_list('container', names)} {must})"


def _added(container: JSON) -> set[str]:
    return set((_security(container).get("capabilities") or {}).get("add") or ())


def _baseline_capabilities(spec: JSON) -> str:
    names = _named(spec, lambda container: bool(_added(container) - _BASELINE_CAPABILITIES))
    if not names:
        return ""
    extra = sorted({name for container in _containers(spec) for name in _added(container)} - _BASELINE_CAPABILITIES)
    must = f"must not include {', '.join(_quoted(extra))} in securityContext.capabilities.add"
    return f"non-default capabilities ({_list('container', names)} {must})"


def _restricted_capabilities(spec: JSON) -> str:
    keeping = _named(spec, lambda c: "ALL" not in ((_security(c).get("capabilities") or {}).get("drop") or ()))
    adding = _named(spec, lambda c: bool(_added(c) - {"NET_BIND_SERVICE"}))
    parts = []
    if keeping:
        parts.append(f'{_list("container", keeping)} must set securityContext.capabilities.drop=["ALL"]')
    if adding:
        extra = sorted({name for container in _containers(spec) for name in _added(container)} - {"NET_BIND_SERVICE"})
        must = f"must not include {', '.join(_quoted(extra))} in securityContext.capabilities.add"
        parts.append(f"{_list('container', adding)} {must}")
    return f"unrestricted capabilities ({'; '.join(parts)})" if parts else ""


def _host_paths(spec: JSON) -> str:
    names = [str(volume.get("name")) for volume in spec.get("volumes") or () if "hostPath" in volume]
    return f"hostPath volumes ({_list('volume', names)})" if names else ""


def _volume_types(spec: JSON) -> str:
    wrong = {}
    for volume in spec.get("volumes") or ():
        sources = set(volume) - {"name"}
        if sources - _RESTRICTED_VOLUMES:
            wrong[str(volume.get("name"))] = sorted(sources - _RESTRICTED_VOLUMES)[0]
    if not wrong:
        return ""
    types = sorted(set(wrong.values()))
    verb = "uses" if len(wrong) == 1 else "use"
    noun = "volume type" if len(types) == 1 else "volume types"
    return (
        f"restricted volume types ({_list('volume', list(wrong))} {verb} restricted {noun} {', '.join(_quoted(types))})"
    )


def _non_root(spec: JSON) -> str:
    refusing = _named(spec, lambda container: _security(container).get("runAsNonRoot") is False)
    if refusing:
        return f"runAsNonRoot != true ({_list('container', refusing)} must not set securityContext.runAsNonRoot=false)"
    if _security(spec).get("runAsNonRoot") is True:
        return ""
    if _security(spec).get("runAsNonRoot") is False:
        return "runAsNonRoot != true (pod must not set securityContext.runAsNonRoot=false)"
    names = _named(spec, lambda container: _security(container).get("runAsNonRoot") is None)
    return (
        f"runAsNonRoot != true (pod or {_list('container', names)} must set securityContext.runAsNonRoot=true)"
        if names
        else ""
    )


def _root_user(spec: JSON) -> str:
    setters = ["pod"] if _security(spec).get("runAsUser") == 0 else []
    names = _named(spec, lambda container: _security(container).get("runAsUser") == 0)
    if names:
        setters.append(_list("container", names))
    return f"runAsUser=0 ({' and '.join(setters)} must not set runAsUser=0)" if setters else ""


def _seccomp(spec: JSON, *, is_restricted: bool) -> str:
    def profile(item: JSON) -> str | None:
        found: str | None = (_security(item).get("seccompProfile") or {}).get("type")
        return found

    of_pod = profile(spec)
    wrong = (None, "RuntimeDefault", "Localhost")
    setters = ["pod"] if of_pod not in wrong else []
    names = _named(spec, lambda container: profile(container) not in wrong)
    if names:
        setters.append(_list("container", names))
    if setters:
        return (
            f'seccompProfile ({" and ".join(setters)} must not set securityContext.seccompProfile.type to "Unconfined")'
        )
    if not is_restricted or of_pod is not None:
        return ""
    names = _named(spec, lambda container: profile(container) is None)
    must = 'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
    return f"seccompProfile (pod or {_list('container', names)} {must})" if names else ""
