"""A refusal in words: what decided, what to change and who can, and what is possible now."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from kdebug.domain.guard_facts import CANNOT_BE_READ, CONNECTION, ConnectionNames, Signal, Verdict
from kdebug.domain.isolation import ENGINEER, TARGET_READER
from kdebug.domain.text import safe
from kdebug.errors import RefusedError

LINE = 240


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """The parts of a refusal, each one calm sentence or command, safe to show."""

    what: str
    because: str
    change: str
    others: str
    """How many more signals speak against it; empty when the deciding one is alone."""
    possible_command: str
    possible: str
    request: str
    """What to send to whoever runs the cluster."""
    request_command: str

    @property
    def lines(self) -> tuple[str, ...]:
        """The whole refusal, at most 12 lines."""
        return tuple(
            line
            for line in (
                self.what,
                f"  because: {self.because}",
                f"  also: {self.others}" if self.others else "",
                f"  change: {self.change}" if self.change else "",
                f"  possible now: {self.possible_command}" if self.possible_command else "",
                f"    {self.possible}" if self.possible_command else "",
                "  to send to whoever runs the cluster:",
                f"    {self.request}",
                f"    {self.request_command}",
            )
            if line
        )


def refusal(verdict: Verdict, names: ConnectionNames, target: str, namespace: str = "") -> Refusal:
    """Return the refusal for a target as the user wrote it, in the connection's namespace or another.

    Without a target (setup, sessions) it offers no plan.
    """
    signal = verdict.deciding
    where = namespace or names.namespace
    against = sum(other.weight in ("veto", "unknown") for other in verdict.signals) - 1
    is_production = verdict.is_vetoed and signal.name != CONNECTION
    setup = (
        safe(verdict.setup_command, LINE)
        or f"kdebug setup --environment staging --covers {_quoted(where or 'cluster')}"
    )
    is_unreadable = not verdict.is_vetoed and signal.meaning == CANNOT_BE_READ
    request = _request(target, where, is_production, safe(names.context, 80))
    command = "kdebug setup --environment staging --covers cluster" if is_production else setup
    if is_unreadable:
        what = f"I want to debug in namespace {safe(where, 63)}"
        request = f"{what} and may not read namespace {safe(signal.value, 63)}. Please run (GROUP is mine):"
        command = _binding_command(signal)
    return Refusal(
        what=f"refused: {_headline(verdict)}",
        because=_because(signal),
        change=safe(signal.remedy, LINE),
        others=f"{against} more signal{'s' if against > 1 else ''} against it" if against > 0 else "",
        possible_command=plan_command(target, names.context, where) if target else "",
        possible="reads only: why the target fails, and what would be made",
        request=request,
        request_command=command,
    )


def explain(verdict: Verdict, names: ConnectionNames, target: str, namespace: str = "") -> tuple[str, ...]:
    """Return the refusal as lines for a terminal, the verdict first."""
    return refusal(verdict, names, target, namespace).lines


def refused_error(verdict: Verdict, names: ConnectionNames, target: str, namespace: str = "") -> RefusedError:
    """Return the error of a refusal; its remedy has one line each for change, what is possible now, and the request."""
    parts = refusal(verdict, names, target, namespace)
    because = f"{parts.because}\nalso: {parts.others}" if parts.others else parts.because
    remedy = [parts.change] if parts.change else []
    remedy += [f"possible now: {parts.possible_command}", parts.possible] if parts.possible_command else []
    remedy += ["to send to whoever runs the cluster:", parts.request, parts.request_command]
    return RefusedError(parts.what.removeprefix("refused: "), because=because, remedy="\n".join(remedy))


def plan_command(target: str, context: str, namespace: str) -> str:
    """Return the ready command that only reads, with the same context and namespace spelled out.

    `target` is POD, TYPE/NAME, -l SELECTOR or -f FILE.
    """
    flag, _, value = target.partition(" ")
    named = [flag, _quoted(value)] if flag in ("-l", "-f") else [_quoted(target)]
    words = ["kdebug", "plan", *named]
    words += ["-n", _quoted(namespace)] if namespace else []
    words += ["--context", _quoted(context)] if context else []
    return " ".join(words)


def _headline(verdict: Verdict) -> str:
    if not verdict.is_vetoed:
        return "nothing shows that this is not production"
    if verdict.deciding.name == CONNECTION:
        return "the connection does not prove which cluster answers"
    return "this looks like production"


def _binding_command(signal: Signal) -> str:
    """Return the command that gives a group the right to read the namespace, with the roles that setup has made."""
    name, role = TARGET_READER, f"--clusterrole={TARGET_READER}"
    if signal.name == "isolated namespace":
        name, role = "kdebug-engineers", f"--role={ENGINEER}"
    return f"kubectl create rolebinding {name} {role} --group=GROUP --namespace={_quoted(signal.value)}"


def _because(signal: Signal) -> str:
    fact = f"{safe(signal.name, 80)} {safe(signal.value, 120)!r}"
    return f"{fact} ({safe(signal.place, 120)}): {safe(signal.meaning, LINE)}"


def _request(target: str, namespace: str, is_production: bool, context: str) -> str:
    what = f"I want to debug {safe(target, 80) or 'a pod'}" + (
        f" of namespace {safe(namespace, 63)}" if namespace else ""
    )
    if is_production:
        return f"{what} (context {context}) outside production. Which cluster may hold a clone? If none, run there:"
    return f"{what} with a clone on context {context}. If that cluster is not production, please run there:"


def _quoted(word: str) -> str:
    return shlex.quote(safe(word, 253))
