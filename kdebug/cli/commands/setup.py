"""kdebug setup: this cluster's isolated namespace, and the statement that it is not production."""

from __future__ import annotations

from dataclasses import replace

from kdebug.cli.confirm import confirm
from kdebug.cli.interrupts import Interrupts
from kdebug.cli.narration import Narration
from kdebug.cli.output import as_json, as_yaml, write
from kdebug.cli.patience import patience
from kdebug.cli.requests import SetupRequest
from kdebug.cli.wiring import Wiring
from kdebug.domain.guard import ObjectFacts, judge_setup
from kdebug.domain.isolation import SetupSettings, check_settings, isolated_namespace, next_steps
from kdebug.domain.kinds import NAMESPACE, title_of
from kdebug.domain.refusal import refused_error
from kdebug.domain.statement import WHOLE_CLUSTER
from kdebug.errors import ApiError, DeniedError, NotFoundError
from kdebug.session.facts import object_facts, read_facts
from kdebug.session.port import Cluster
from kdebug.session.setup import SetupPlan, apply_setup, plan_setup, with_dns_peers


def run_setup(request: SetupRequest, wiring: Wiring) -> int:
    """Make or change what setup owns, after showing it; with --print the manifests alone. Names have been judged."""
    narration = Narration(level=request.level)
    with Interrupts():
        settings = SetupSettings(
            environment=request.environment,
            covers=request.covers,
            namespace=request.to_namespace or wiring.config.namespace,
            allow=request.allow,
        )
        check_settings(settings)
        cluster = wiring.connect()
        with patience(wiring, narration):
            _judge(wiring, cluster, settings)
        if request.print:
            write(as_yaml(isolated_namespace(_with_dns(cluster, settings, narration))))
            return 0
        plan = plan_setup(cluster, settings)
        _show(plan, narration)
        if request.output:
            write(_document(plan, request.output))
        if not plan.writes:
            narration.say(f"namespace {settings.namespace} is as it should be: nothing to change")
            return 0
        if request.dry_run:
            return 0
        question = f'State that this cluster is "{settings.environment}" and make these changes?'
        if not confirm(question, default=False, assume_yes=request.assume_yes, no_input=request.no_input):
            narration.say("nothing was changed")
            return 0
        apply_setup(cluster, plan, narration)
        narration.show(next_steps(settings))
    return 0


def _judge(wiring: Wiring, cluster: Cluster, settings: SetupSettings) -> None:
    facts, _ = read_facts(cluster, isolated=settings.namespace, target_namespace="", target=None)
    names = [] if WHOLE_CLUSTER in settings.covers else list(settings.covers)
    covered = [facts_of for name in names if (facts_of := _namespace(cluster, name))]
    verdict = judge_setup(wiring.names, facts, wiring.rules, environment=settings.environment, covered=covered)
    if not verdict.is_allowed:
        raise refused_error(verdict, wiring.names, "")


def _namespace(cluster: Cluster, name: str) -> ObjectFacts | None:
    """Return a covered namespace's facts; one that is missing or unreadable is still judged by its name."""
    try:
        return object_facts(cluster.get(NAMESPACE, name))
    except (NotFoundError, DeniedError):
        return ObjectFacts(name=name)


def _with_dns(cluster: Cluster, settings: SetupSettings, narration: Narration) -> SetupSettings:
    try:
        return with_dns_peers(cluster, settings)
    except ApiError as error:
        narration.warn(f"the cluster's DNS servers are not known: {error.because or error.what}")
        return replace(settings, dns_peers=())


def _document(plan: SetupPlan, form: str) -> str:
    content = {
        "changes": [
            {"verb": change.verb, "object": title_of(change.manifest), "differences": list(change.differences)}
            for change in plan.changes
        ],
        "warnings": list(plan.warnings),
    }
    return as_json("SetupPlan", content) if form == "json" else as_yaml([content])


def _show(plan: SetupPlan, narration: Narration) -> None:
    for change in plan.changes:
        narration.say(f"{change.verb:9}  {title_of(change.manifest)}")
        for difference in change.differences:
            narration.say(f"             {difference}")
    for warning in plan.warnings:
        narration.warn(warning)
