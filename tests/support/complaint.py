"""What kdebug says when something is wrong, taken apart, with the rules that hold for every such message."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

MOST_LINES = 8


@dataclass(frozen=True, kw_only=True)
class Complaint:
    """The parts of an error or a refusal; `rest` is what stands after it (a Role, as YAML)."""

    what: str
    because: str
    remedy: str
    narration: str
    """What was said before."""
    rest: str


def complaint(done: subprocess.CompletedProcess[bytes], code: int) -> Complaint:
    """Return what a run that ended with `code` complained of; AssertionError when it broke a rule for messages."""
    err = done.stderr.decode()
    assert done.returncode == code, f"exit code {done.returncode}, not {code}:\n{err}"
    assert done.stdout == b"", "nothing but data belongs to stdout"
    return parse(err)


def parse(err: str) -> Complaint:
    """Return the one complaint in what stderr got: what, because and try, no traceback, few lines, no raw controls."""
    assert "Traceback" not in err, err
    assert "unexpected" not in err.partition("\n  because")[0], err
    assert not any(ord(character) < 32 and character != "\n" for character in err), repr(err)
    lines = err.splitlines()
    starts = [index for index, line in enumerate(lines) if line.startswith(("error: ", "refused: "))]
    assert len(starts) == 1, f"one complaint and no more:\n{err}"
    body, separator, rest = "\n".join(lines[starts[0] :]).partition("\n---")
    assert separator or len(body.splitlines()) <= MOST_LINES, f"too long:\n{err}"
    what, _, after = body.partition("\n  because: ")
    because, _, remedy = after.partition("\n  try: ")
    assert because, f"why is not said:\n{err}"
    assert remedy, f"nothing to try is said:\n{err}"
    narration = "\n".join(lines[: starts[0]])
    return Complaint(what=what, because=because, remedy=remedy, narration=narration, rest=separator + rest)
