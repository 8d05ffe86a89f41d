"""From a request to a judged plan: resolve, check, plan. Reads only; shared by open and plan."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace

from kdebug.cli.manifest_file import read_documents
from kdebug.cli.narration import Narration
from kdebug.cli.patience import patience
from kdebug.cli.requests import PlanRequest
from kdebug.cli.wiring import Wiring, holder_mark
from kdebug.domain.diagnosis import Diagnosis, diagnose
from kdebug.domain.guard import ServerFacts, Verdict, judge
from kdebug.domain.images import GOOGLE_RULE, VariantRule
from kdebug.domain.kinds import POD, Manifest
from kdebug.domain.ownership import new_session_id
from kdebug.domain.plan import Plan
from kdebug.domain.rights import Access, session_accesses
from kdebug.domain.target import Target, from_manifest
from kdebug.errors import UsageError
from kdebug.session.background import begin
from kdebug.session.events import TargetResolved
from kdebug.session.facts import object_facts, read_facts
from kdebug.session.planning import PlanOptions, make_plan
from kdebug.session.port import Cluster
from kdebug.session.resolve import TargetRequest, read_evidence, resolve


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A plan with everything it was made from, and the guard's verdict on it."""

    cluster: Cluster
    target: Target
    diagnosis: Diagnosis
    facts: ServerFacts
    verdict: Verdict
    options: PlanOptions
    plan: Plan
    holder: str
    user: str

    def again(self, options: PlanOptions) -> Prepared:
        """Return a new session's plan for the same target with other options."""
        plan = _plan(self.cluster, self.target, self.diagnosis, self.facts, options, user=self.user, holder=self.holder)
        return replace(self, options=options, plan=plan)

    @property
    def accesses(self) -> tuple[Access, ...]:
        """Every right that this session needs."""
        kinds = {manifest["kind"] for manifest in self.plan.objects}
        return session_accesses(
            self.plan.namespace,
            self.target.namespace if self.target.uid else "",
            with_secret=self.options.with_secret if "all" not in self.options.with_secret else (),
            copies_config_maps=[
                manifest["metadata"]["name"] for manifest in self.plan.objects if manifest["kind"] == "ConfigMap"
            ],
            makes_secret="Secret" in kinds,
        )

    def read_target(self) -> Callable[[], Manifest] | None:
        """Return the call that reads the target again, None for a target from a manifest."""
        if not self.target.uid:
            return None
        return lambda: self.cluster.get(POD, self.target.name, self.target.namespace)


def prepare(
    request: PlanRequest, wiring: Wiring, narration: Narration, *, has_to_be_allowed: Callable[[ServerFacts], None]
) -> Prepared:
    """Resolve the target, read the guard's facts, make the plan; `has_to_be_allowed` may refuse before the last."""
    cluster = wiring.connect()
    options = plan_options(request, wiring)
    given = _given_target(request, wiring.names.namespace)
    # The guard judges where the target's copies come from: a manifest may name another namespace than -n does.
    namespace = given.namespace if given else wiring.names.namespace
    with patience(wiring, narration):
        user = begin(cluster.user)
        reading = begin(read_facts, cluster, isolated=options.namespace, target_namespace=namespace, target=None)
        target = given or resolve(
            cluster,
            TargetRequest(
                name=request.name, namespace=namespace, selector=request.selector, container=request.container
            ),
        )
        facts, _ = reading.result()
    facts = replace(facts, target=object_facts(target.manifest))
    if target.namespace == options.namespace:
        raise UsageError(
            f"the target is in namespace {options.namespace}, where clones go",
            because="a clone never goes into its target's own namespace",
            remedy="leave out --to-namespace, or name another isolated namespace",
        )
    has_to_be_allowed(facts)
    verdict = judge(wiring.names, facts, wiring.rules)
    if options.with_secret and not verdict.is_allowed:
        narration.warn("no Secret is read for what would be refused")
        options = replace(options, with_secret=())
    evidence = read_evidence(cluster, target)
    diagnosis = diagnose(
        target.manifest,
        target.container,
        log_tail=evidence.log_tail,
        previous_log=evidence.previous_log,
        events=evidence.events,
    )
    narration(
        TargetResolved(
            title=target.title,
            namespace=target.namespace,
            container=target.container,
            failure=diagnosis.summary,
            because=target.because,
        )
    )
    if target.uid and not diagnosis.is_failing and not diagnosis.is_terminating:
        narration.say("nothing fails in it now: it can be cloned all the same")
    holder = holder_mark()
    return Prepared(
        cluster=cluster,
        target=target,
        diagnosis=diagnosis,
        facts=facts,
        verdict=verdict,
        options=options,
        plan=_plan(cluster, target, diagnosis, facts, options, user=user.result(), holder=holder),
        holder=holder,
        user=user.result(),
    )


def plan_options(request: PlanRequest, wiring: Wiring) -> PlanOptions:
    """Return what the request decides, and the configuration where it does not."""
    config = wiring.config
    longest = config.limits.max_duration_seconds
    if request.max_duration > longest:
        raise UsageError(
            f"--max-duration is longer than the {longest // 60} minutes that are configured",
            remedy=f"--max-duration {longest}s",
        )
    return PlanOptions(
        namespace=request.to_namespace or config.namespace,
        image=request.image,
        debug_suffix=(request.debug_suffix or config.images.debug_suffix).removeprefix("-"),
        image_rules=(*(_rule(glob, suffix) for glob, suffix in config.images.rules), GOOGLE_RULE),
        fallback_image=config.images.fallback if request.fallback else "",
        network=request.network or "dns",
        with_secret=request.with_secret,
        keep_init_containers=request.keep_init_containers,
        env=dict(request.env),
        shell=request.shell or "/busybox/sh",
        hard_cap_seconds=request.max_duration or longest,
        max_cpu=config.limits.cpu,
        max_memory=config.limits.memory,
        harmless_env=config.harmless_env,
    )


def _rule(glob: str, suffix: str) -> VariantRule:
    return VariantRule(repository=glob, tagged=f"{{tag}}-{suffix}", untagged=suffix)


def _plan(
    cluster: Cluster,
    target: Target,
    diagnosis: Diagnosis,
    facts: ServerFacts,
    options: PlanOptions,
    *,
    user: str,
    holder: str,
) -> Plan:
    session_id = new_session_id(secrets.token_bytes(10))
    return make_plan(cluster, target, diagnosis, facts, options, session_id=session_id, user=user, holder=holder)


def _given_target(request: PlanRequest, namespace: str) -> Target | None:
    """Return the target of -f, None where it is to be looked for in the cluster."""
    if not request.filename:
        return None
    return from_manifest(read_documents(request.filename), namespace=namespace, container=request.container)
