"""kdebug plan: what open would make, and how it would differ from the target. Reads only."""

from __future__ import annotations

from kdebug.cli.commands.preparing import Prepared, prepare
from kdebug.cli.interrupts import Interrupts
from kdebug.cli.narration import Narration
from kdebug.cli.output import write
from kdebug.cli.plan_output import render_plan
from kdebug.cli.requests import PlanRequest
from kdebug.cli.wiring import wire
from kdebug.domain.refusal import explain
from kdebug.errors import ApiError, RefusedError


def run_plan(request: PlanRequest) -> int:
    """Show the plan; where open would be refused that is said first, and the exit code is 3."""
    narration = Narration(level=request.level)
    with Interrupts():
        wiring = wire(request.connection)
        narration.say(f"contacting {wiring.names.server} (context {wiring.names.context})")
        prepared = prepare(request, wiring, narration, has_to_be_allowed=lambda _: None)
        refusal: tuple[str, ...] = ()
        if not prepared.verdict.is_allowed:
            refusal = explain(prepared.verdict, wiring.names, request.title, prepared.target.namespace)
        else:
            _say_missing_rights(prepared, narration)
        write(
            render_plan(
                prepared.plan,
                target=prepared.target.manifest,
                form=request.output,
                verdict=prepared.verdict,
                refusal=refusal,
            )
        )
    return 0 if prepared.verdict.is_allowed else RefusedError.exit_code


def _say_missing_rights(prepared: Prepared, narration: Narration) -> None:
    try:
        answers = prepared.cluster.may(prepared.accesses)
    except ApiError as error:
        narration.warn(f"rights could not be asked for: {error.because or error.what}")
        return
    for access, is_allowed in zip(prepared.accesses, answers, strict=True):
        if not is_allowed:
            narration.warn(f"missing right: {access} (to {access.reason})")
