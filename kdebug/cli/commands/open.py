"""kdebug open: from a failing pod to its shell and back."""

from __future__ import annotations

from dataclasses import replace

from kdebug.cli.commands.ending import code_after, end_quietly, run_then_end
from kdebug.cli.commands.holding import Holding, SessionEnd, hold_and_say, require_terminal
from kdebug.cli.commands.isolation import Isolation
from kdebug.cli.commands.preparing import Prepared, prepare
from kdebug.cli.confirm import confirm
from kdebug.cli.interrupts import Interrupts
from kdebug.cli.narration import Narration
from kdebug.cli.output import as_json, write
from kdebug.cli.plan_output import render_plan
from kdebug.cli.plan_summary import plan_summary
from kdebug.cli.requests import OpenRequest
from kdebug.cli.telling import clock_time
from kdebug.cli.wiring import Wiring, journal, journal_entry, rechecker, refuse_by_facts
from kdebug.domain.guard import ServerFacts
from kdebug.domain.isolation import SetupSettings
from kdebug.domain.plan import Plan
from kdebug.errors import ApiError, ImageMissingError, InterruptedBySignal
from kdebug.session.cleanup import repair
from kdebug.session.events import DryRunPassed, RightsChecked, WarningRaised
from kdebug.session.facts import read_facts
from kdebug.session.lifecycle import DebugSession
from kdebug.session.port import ExitStatus
from kdebug.session.preflight import check_rights
from kdebug.session.setup import apply_setup, plan_setup
from kdebug.session.timing import Timing


def run_open(request: OpenRequest, wiring: Wiring) -> int:
    """Clone the target, hold the shell or run the command, remove everything; return the exit code.

    The wiring's names have been judged.
    """
    narration = Narration(level=request.level)
    with Interrupts() as interrupts:
        return _Opening(request, narration, interrupts).run(wiring)


class _Opening:
    """One run of open: what was asked, how it is told, and which signals came."""

    def __init__(self, request: OpenRequest, narration: Narration, interrupts: Interrupts) -> None:
        self.request = request
        self.narration = narration
        self.session_end = SessionEnd(narration)
        self.interrupts = interrupts
        self.timing = Timing()

    def run(self, wiring: Wiring) -> int:
        request = self.request
        if not request.dry_run and not request.detach:
            require_terminal(request.command, tty=request.tty)
        self.narration.say(f"contacting {wiring.names.server} (context {wiring.names.context})")

        def allow(facts: ServerFacts) -> None:
            refuse_by_facts(wiring, facts, request.title)

        prepared = prepare(request, wiring, self.narration, has_to_be_allowed=allow)
        self.check_rights(prepared)
        if request.dry_run:
            return self.dry_run(prepared)
        if not self.is_confirmed(prepared):
            self.narration.say("nothing was created")
            return 0
        prepared = self.with_isolated_namespace(prepared)
        self.repair(prepared, wiring)
        return self.open(prepared, wiring)

    def check_rights(self, prepared: Prepared) -> None:
        accesses = prepared.accesses
        for missing in check_rights(prepared.cluster, accesses, prepared.user):
            self.narration(WarningRaised(text=f"not allowed, and not needed: {missing} (to {missing.reason})"))
        self.narration(RightsChecked(count=len(accesses)))

    def dry_run(self, prepared: Prepared) -> int:
        """Show what would be created; on the server it is tried too, and nothing is stored."""
        if self.request.dry_run == "server":
            for manifest in prepared.plan.objects:
                prepared.cluster.create(manifest, dry_run=True)
            self.narration(DryRunPassed(count=len(prepared.plan.objects)))
        form = self.request.output or "yaml"
        write(render_plan(prepared.plan, target=prepared.target.manifest, form=form, verdict=prepared.verdict))
        return 0

    def is_confirmed(self, prepared: Prepared) -> bool:
        for line in plan_summary(prepared.plan):
            self.narration.say(line)
        is_asked = not (self.request.command or self.request.assume_yes)
        try:
            return confirm("Open it?", default=True, assume_yes=not is_asked, no_input=self.request.no_input)
        except InterruptedBySignal:
            self.narration.show(("", "nothing was created"))
            raise

    def with_isolated_namespace(self, prepared: Prepared) -> Prepared:
        """Make the isolated namespace of a local cluster: there the first confirmed plan may."""
        if not prepared.facts.is_isolated_missing:
            return prepared
        name = prepared.options.namespace
        settings = SetupSettings(environment="local", covers=("cluster",), namespace=name)
        apply_setup(prepared.cluster, plan_setup(prepared.cluster, settings), self.narration)
        facts, _ = read_facts(
            prepared.cluster, isolated=name, target_namespace=prepared.target.namespace, target=prepared.target.manifest
        )
        return replace(prepared, facts=facts).again(prepared.options)

    def repair(self, prepared: Prepared, wiring: Wiring) -> None:
        """Remove what dead runs of this machine have left; the server would, later."""
        try:
            repair(prepared.cluster, journal(), wiring.names.server, timing=self.timing, emit=self.narration)
        except ApiError as error:
            self.narration.warn(f"earlier sessions could not be looked at: {error.because or error.what}")

    def open(self, prepared: Prepared, wiring: Wiring) -> int:
        """Open a session; where there is no debug variant, offer the target's own image with /busybox brought."""
        try:
            return self.run_session(prepared, wiring)
        except ImageMissingError as error:
            fallback = wiring.config.images.fallback
            if prepared.plan.image.is_fallback or self.request.image or not self.can_ask:
                raise
            self.narration.warn(f"{error.what}: {error.because}")
            question = f"Go on with {prepared.plan.image.old}, and /busybox from {fallback}?"
            if not confirm(question, default=False, assume_yes=False, no_input=False):
                raise
            again = prepared.again(replace(prepared.options, fallback_image=fallback))
            return self.run_session(again, wiring)

    @property
    def can_ask(self) -> bool:
        return not (self.request.command or self.request.no_input or self.request.assume_yes)

    def run_session(self, prepared: Prepared, wiring: Wiring) -> int:
        plan, cluster = prepared.plan, prepared.cluster
        entry = journal_entry(wiring, plan.session_id, plan.namespace, prepared.holder)
        session = DebugSession(
            cluster=cluster,
            plan=plan,
            timing=self.timing,
            emit=self.session_end,
            recheck=rechecker(wiring, cluster, prepared.facts, self.request.title, prepared.read_target()),
            journal=journal(),
            entry=entry,
            force_command=clean_command(wiring, plan),
            running_timeout=self.request.pod_running_timeout,
            image_remedy=self.image_remedy(plan),
        )

        def use() -> ExitStatus:
            session.open()
            isolation = Isolation(cluster, plan, session.pod_name, prepared.target.manifest)
            if wiring.config.isolation == "required":
                isolation.require(self.narration)
            elif not (self.request.command or self.request.detach):
                isolation.watch()
            if self.request.detach:
                return self.detach(session, plan)
            status = self.hold(session, plan)
            if wiring.config.isolation != "required":
                isolation.tell(self.narration)
            return status

        status, is_gone = run_then_end(use, lambda: self.end(session))
        return code_after(status, has_command=bool(self.request.command), is_gone=is_gone)

    def image_remedy(self, plan: Plan) -> str:
        """Return what to try when the clone's image, or the shell in it, does not exist."""
        if self.request.shell:
            return f"check --shell {self.request.shell}"
        if self.request.image:
            return f"check --image {self.request.image}"
        if plan.image.is_fallback:
            return "set images.fallback in the configuration to an image with a static busybox that the node can pull"
        return f"docker build --target debug -t {plan.image.new} . and push it, or add --fallback"

    def hold(self, session: DebugSession, plan: Plan) -> ExitStatus:
        holding = Holding(
            cluster=session.cluster,
            namespace=plan.namespace,
            pod=session.pod_name,
            container=plan.container,
            command=self.request.command,
            shell=plan.shell,
            stdin=self.request.stdin,
            tty=self.request.tty,
            can_ask=not self.request.no_input,
            end=self.session_end,
        )
        if holding.is_shell:
            self.narration.say(f"session {plan.session_id}: leaving the shell removes everything")
        return hold_and_say(holding, self.interrupts, self.narration, session.recheck)

    def detach(self, session: DebugSession, plan: Plan) -> ExitStatus:
        record = session.detach()
        until = f" until {clock_time(record.until)}" if record.until else ""
        self.narration.say(f"detached: the clone runs{until}; kdebug attach {plan.session_id} goes back to it")
        is_json = self.request.output == "json"
        write(as_json("Session", {"session": plan.session_id}) if is_json else f"{plan.session_id}\n")
        return ExitStatus(code=0)

    def end(self, session: DebugSession) -> bool:
        """Tear down whatever signals come; return whether everything is proven gone."""
        gone_by = session.record.gone_by if session.record else None
        return end_quietly(lambda: not session.tear_down().leftovers, gone_by, self.interrupts)


def clean_command(wiring: Wiring, plan: Plan) -> str:
    """Return the one command that forces the removal of what is left."""
    context = wiring.names.context
    return f"kdebug clean {plan.session_id}{f' --context {context}' if context else ''}"
