"""Each flag as a parameter of the parser's commands; the flags themselves are declared in `flags`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from kdebug.cli import flags
from kdebug.cli.flags import Flag


def option(flag: Flag) -> Any:
    """Return Typer's form of a flag; the empty string stands for absent."""
    names = (flag.long, *((f"-{flag.short}",) if flag.short else ()))
    return typer.Option(*names, metavar=flag.metavar or None, help=flag.help)


Namespace = Annotated[str, option(flags.NAMESPACE)]
Context = Annotated[str, option(flags.CONTEXT)]
Kubeconfig = Annotated[str, option(flags.KUBECONFIG)]
Cluster = Annotated[str, option(flags.CLUSTER)]
User = Annotated[str, option(flags.USER)]
As = Annotated[str, option(flags.AS)]
AsGroup = Annotated[list[str] | None, option(flags.AS_GROUP)]
AsUid = Annotated[str, option(flags.AS_UID)]
RequestTimeout = Annotated[str, option(flags.REQUEST_TIMEOUT)]
Container = Annotated[str, option(flags.CONTAINER)]
Selector = Annotated[str, option(flags.SELECTOR)]
Filename = Annotated[str, option(flags.FILENAME)]
Image = Annotated[str, option(flags.IMAGE)]
DebugSuffix = Annotated[str, option(flags.DEBUG_SUFFIX)]
Fallback = Annotated[bool, option(flags.FALLBACK)]
ToNamespace = Annotated[str, option(flags.TO_NAMESPACE)]
Network = Annotated[str, option(flags.NETWORK)]
WithSecret = Annotated[list[str] | None, option(flags.WITH_SECRET)]
KeepInitContainers = Annotated[bool, option(flags.KEEP_INIT_CONTAINERS)]
Env = Annotated[list[str] | None, option(flags.ENV)]
Shell = Annotated[str, option(flags.SHELL_PATH)]
Plain = Annotated[bool, option(flags.PLAIN)]
Stdin = Annotated[bool, option(flags.STDIN)]
Tty = Annotated[bool, option(flags.TTY)]
MaxDuration = Annotated[str, option(flags.MAX_DURATION)]
Detach = Annotated[bool, option(flags.DETACH)]
PodRunningTimeout = Annotated[str, option(flags.POD_RUNNING_TIMEOUT)]
DryRun = Annotated[str, option(flags.DRY_RUN)]
Yes = Annotated[bool, option(flags.YES)]
NoInput = Annotated[bool, option(flags.NO_INPUT)]
Quiet = Annotated[bool, option(flags.QUIET)]
Verbose = Annotated[str, option(flags.VERBOSE)]
Output = Annotated[str, option(flags.OUTPUT_JSON)]
OutputPlan = Annotated[str, option(flags.OUTPUT_PLAN)]
OutputSessions = Annotated[str, option(flags.OUTPUT_SESSIONS)]
OutputVersion = Annotated[str, option(flags.OUTPUT_VERSION)]
AllNamespaces = Annotated[bool, option(flags.ALL_NAMESPACES)]
TakeOver = Annotated[bool, option(flags.TAKE_OVER)]
Expired = Annotated[bool, option(flags.EXPIRED)]
Mine = Annotated[bool, option(flags.MINE)]
All = Annotated[bool, option(flags.ALL)]
Environment = Annotated[str, option(flags.ENVIRONMENT)]
Covers = Annotated[list[str] | None, option(flags.COVERS)]
Allow = Annotated[list[str] | None, option(flags.ALLOW)]
Print = Annotated[bool, option(flags.PRINT)]
Name = Annotated[str, typer.Argument(metavar="NAME")]
Session = Annotated[str, typer.Argument(metavar="SESSION")]
Sessions = Annotated[list[str] | None, typer.Argument(metavar="SESSION")]
