"""kdebug version."""

from __future__ import annotations

from kdebug import __version__
from kdebug.cli.output import as_json, as_yaml, write
from kdebug.cli.requests import VersionRequest


def run_version(request: VersionRequest) -> int:
    """Print the version."""
    if request.output:
        content = {"version": __version__}
        write(as_json("Version", content) if request.output == "json" else as_yaml([content]))
    else:
        write(f"kdebug {__version__}\n")
    return 0
