"""The parser: one Typer command for each word, from typed flags to a request; nothing is run here."""

from __future__ import annotations

import typer

from kdebug.cli import checks, values
from kdebug.cli.arguments import Invocation
from kdebug.cli.options import (
    All,
    AllNamespaces,
    Allow,
    As,
    AsGroup,
    AsUid,
    Cluster,
    Container,
    Context,
    Covers,
    DebugSuffix,
    Detach,
    DryRun,
    Env,
    Environment,
    Expired,
    Fallback,
    Filename,
    Image,
    KeepInitContainers,
    Kubeconfig,
    MaxDuration,
    Mine,
    Name,
    Namespace,
    Network,
    NoInput,
    Output,
    OutputPlan,
    OutputSessions,
    OutputVersion,
    Plain,
    PodRunningTimeout,
    Print,
    Quiet,
    RequestTimeout,
    Selector,
    Session,
    Sessions,
    Shell,
    Stdin,
    TakeOver,
    ToNamespace,
    Tty,
    User,
    Verbose,
    WithSecret,
    Yes,
)
from kdebug.cli.requests import (
    AttachRequest,
    CleanRequest,
    DemoRequest,
    OpenRequest,
    PlanRequest,
    Request,
    SessionsRequest,
    SetupRequest,
    VersionRequest,
)
from kdebug.errors import UsageError

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": []},
)


def parse(invocation: Invocation) -> Request:
    """Return the request of a command line; raises UsageError and nothing else."""
    try:
        request: Request = app(
            args=list(invocation.argv), standalone_mode=False, obj=invocation.remainder, prog_name="kdebug"
        )
    except typer.TyperException as error:
        raise UsageError(str(error), remedy=f"kdebug {invocation.command} --help") from error
    return request


@app.command("open")
def open_(
    context_: typer.Context,
    name: Name = "",
    container: Container = "",
    selector: Selector = "",
    filename: Filename = "",
    namespace: Namespace = "",
    context: Context = "",
    kubeconfig: Kubeconfig = "",
    cluster: Cluster = "",
    user: User = "",
    as_: As = "",
    as_group: AsGroup = None,
    as_uid: AsUid = "",
    request_timeout: RequestTimeout = "",
    image: Image = "",
    debug_suffix: DebugSuffix = "",
    fallback: Fallback = False,
    to_namespace: ToNamespace = "",
    network: Network = "",
    with_secret: WithSecret = None,
    keep_init_containers: KeepInitContainers = False,
    env: Env = None,
    shell: Shell = "",
    plain: Plain = False,
    stdin: Stdin = False,
    tty: Tty = False,
    max_duration: MaxDuration = "",
    detach: Detach = False,
    pod_running_timeout: PodRunningTimeout = "",
    dry_run: DryRun = "",
    yes: Yes = False,
    no_input: NoInput = False,
    output: Output = "",
    quiet: Quiet = False,
    verbose: Verbose = "",
) -> OpenRequest:
    """Open a session."""
    command: tuple[str, ...] = context_.obj
    checks.check_target(name, selector, filename)
    if detach and command:
        raise UsageError("--detach and a command exclude each other", because="a detached session opens no stream")
    return OpenRequest(
        connection=checks.connection(
            namespace, context, kubeconfig, cluster, user, as_, as_group, as_uid, request_timeout
        ),
        name=name,
        selector=selector,
        container=container,
        filename=filename,
        image=checks.image(image),
        debug_suffix=debug_suffix,
        fallback=fallback,
        to_namespace=to_namespace,
        network=network,
        with_secret=values.several(with_secret or (), "--with-secret"),
        keep_init_containers=keep_init_containers,
        env=tuple(values.variable(text) for text in env or ()),
        shell=shell,
        plain=plain,
        max_duration=checks.max_duration(max_duration),
        detach=detach,
        pod_running_timeout=checks.timeout(pod_running_timeout, "--pod-running-timeout", 120),
        dry_run=dry_run,
        assume_yes=yes or bool(command),
        no_input=no_input,
        stdin=stdin,
        tty=tty,
        command=command,
        output=output,
        quiet=quiet,
        verbose=checks.verbosity(verbose),
    )


@app.command("plan")
def plan(
    name: Name = "",
    container: Container = "",
    selector: Selector = "",
    filename: Filename = "",
    namespace: Namespace = "",
    context: Context = "",
    kubeconfig: Kubeconfig = "",
    cluster: Cluster = "",
    user: User = "",
    as_: As = "",
    as_group: AsGroup = None,
    as_uid: AsUid = "",
    request_timeout: RequestTimeout = "",
    image: Image = "",
    debug_suffix: DebugSuffix = "",
    fallback: Fallback = False,
    to_namespace: ToNamespace = "",
    network: Network = "",
    with_secret: WithSecret = None,
    keep_init_containers: KeepInitContainers = False,
    env: Env = None,
    shell: Shell = "",
    max_duration: MaxDuration = "",
    output: OutputPlan = "",
    quiet: Quiet = False,
    verbose: Verbose = "",
) -> PlanRequest:
    """Plan a session."""
    checks.check_target(name, selector, filename)
    return PlanRequest(
        connection=checks.connection(
            namespace, context, kubeconfig, cluster, user, as_, as_group, as_uid, request_timeout
        ),
        name=name,
        selector=selector,
        container=container,
        filename=filename,
        image=checks.image(image),
        debug_suffix=debug_suffix,
        fallback=fallback,
        to_namespace=to_namespace,
        network=network,
        with_secret=values.several(with_secret or (), "--with-secret"),
        keep_init_containers=keep_init_containers,
        env=tuple(values.variable(text) for text in env or ()),
        shell=shell,
        max_duration=checks.max_duration(max_duration),
        output=output,
        quiet=quiet,
        verbose=checks.verbosity(verbose),
    )


@app.command("sessions")
def sessions(
    namespace: Namespace = "",
    context: Context = "",
    kubeconfig: Kubeconfig = "",
    cluster: Cluster = "",
    user: User = "",
    as_: As = "",
    as_group: AsGroup = None,
    as_uid: AsUid = "",
    request_timeout: RequestTimeout = "",
    to_namespace: ToNamespace = "",
    all_namespaces: AllNamespaces = False,
    output: OutputSessions = "",
    quiet: Quiet = False,
    verbose: Verbose = "",
) -> SessionsRequest:
    """List sessions."""
    return SessionsRequest(
        connection=checks.connection(
            namespace, context, kubeconfig, cluster, user, as_, as_group, as_uid, request_timeout
        ),
        to_namespace=to_namespace,
        all_namespaces=all_namespaces,
        output=output,
        quiet=quiet,
        verbose=checks.verbosity(verbose),
    )


@app.command("attach")
def attach(
    context_: typer.Context,
    session: Session = "",
    namespace: Namespace = "",
    context: Context = "",
    kubeconfig: Kubeconfig = "",
    cluster: Cluster = "",
    user: User = "",
    as_: As = "",
    as_group: AsGroup = None,
    as_uid: AsUid = "",
    request_timeout: RequestTimeout = "",
    to_namespace: ToNamespace = "",
    take_over: TakeOver = False,
    shell: Shell = "",
    plain: Plain = False,
    stdin: Stdin = False,
    tty: Tty = False,
    output: Output = "",
    quiet: Quiet = False,
    verbose: Verbose = "",
) -> AttachRequest:
    """Attach to a session."""
    if not session:
        raise UsageError("no session is named", remedy="kdebug sessions")
    return AttachRequest(
        session=values.session_id(session),
        connection=checks.connection(
            namespace, context, kubeconfig, cluster, user, as_, as_group, as_uid, request_timeout
        ),
        to_namespace=to_namespace,
        take_over=take_over,
        shell=shell,
        plain=plain,
        stdin=stdin,
        tty=tty,
        command=context_.obj,
        output=output,
        quiet=quiet,
        verbose=checks.verbosity(verbose),
    )


@app.command("clean")
def clean(
    names: Sessions = None,
    namespace: Namespace = "",
    context: Context = "",
    kubeconfig: Kubeconfig = "",
    cluster: Cluster = "",
    user: User = "",
    as_: As = "",
    as_group: AsGroup = None,
    as_uid: AsUid = "",
    request_timeout: RequestTimeout = "",
    to_namespace: ToNamespace = "",
    expired: Expired = False,
    mine: Mine = False,
    all_: All = False,
    dry_run: DryRun = "",
    yes: Yes = False,
    no_input: NoInput = False,
    output: Output = "",
    quiet: Quiet = False,
    verbose: Verbose = "",
) -> CleanRequest:
    """Remove sessions."""
    if sum((bool(names), expired, mine, all_)) != 1:
        raise UsageError(
            "which sessions to remove is not clear",
            because="it takes sessions by name, or one of --expired, --mine and --all",
            remedy="kdebug sessions",
        )
    return CleanRequest(
        sessions=tuple(dict.fromkeys(values.session_id(name) for name in names or ())),
        connection=checks.connection(
            namespace, context, kubeconfig, cluster, user, as_, as_group, as_uid, request_timeout
        ),
        to_namespace=to_namespace,
        expired=expired,
        mine=mine,
        all=all_,
        dry_run=dry_run,
        assume_yes=yes,
        no_input=no_input,
        output=output,
        quiet=quiet,
        verbose=checks.verbosity(verbose),
    )


@app.command("setup")
def setup(
    environment: Environment = "",
    covers: Covers = None,
    allow: Allow = None,
    print_: Print = False,
    namespace: Namespace = "",
    context: Context = "",
    kubeconfig: Kubeconfig = "",
    cluster: Cluster = "",
    user: User = "",
    as_: As = "",
    as_group: AsGroup = None,
    as_uid: AsUid = "",
    request_timeout: RequestTimeout = "",
    to_namespace: ToNamespace = "",
    dry_run: DryRun = "",
    yes: Yes = False,
    no_input: NoInput = False,
    output: Output = "",
    quiet: Quiet = False,
    verbose: Verbose = "",
) -> SetupRequest:
    """Make the isolated namespace."""
    checks.check_statement(environment, covers or [])
    return SetupRequest(
        environment=environment,
        covers=values.several(covers or (), "--covers"),
        connection=checks.connection(
            namespace, context, kubeconfig, cluster, user, as_, as_group, as_uid, request_timeout
        ),
        to_namespace=to_namespace,
        allow=checks.allow(allow),
        print=print_,
        dry_run=dry_run,
        assume_yes=yes,
        no_input=no_input,
        output=output,
        quiet=quiet,
        verbose=checks.verbosity(verbose),
    )


@app.command("demo")
def demo(yes: Yes = False, no_input: NoInput = False, quiet: Quiet = False, verbose: Verbose = "") -> DemoRequest:
    """Run the demo."""
    return DemoRequest(assume_yes=yes, no_input=no_input, quiet=quiet, verbose=checks.verbosity(verbose))


@app.command("version")
def version(output: OutputVersion = "") -> VersionRequest:
    """Print the version."""
    return VersionRequest(output=output)
