"""The demo: the whole procedure with the product's own code, by script and in a terminal."""

from __future__ import annotations

from pathlib import Path

from tests.support import program


def env(home: Path) -> dict[str, str]:
    """Return an environment without a cluster."""
    return program.environment("", home)


def test_without_a_terminal_the_procedure_runs_by_script_and_prints_each_step(tmp_path: Path) -> None:
    done = program.run(["demo"], env(tmp_path))
    told = done.stderr.decode()
    assert done.returncode == 0, told
    for words in (
        "created namespace/kdebug-isolated",
        "exit code 101",
        "panicked at",
        "created job/kdebug-",
        "runs, after",
        "everything is gone",
        "no sessions in namespace kdebug-isolated",
    ):
        assert words in told, told
    assert "RUST_LOG=info" in done.stdout.decode()


def test_nothing_of_the_demo_stays_on_the_machine(tmp_path: Path) -> None:
    program.run(["demo"], env(tmp_path) | {"TMPDIR": str(tmp_path)})
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert left == []


def test_in_a_terminal_the_shell_is_real(tmp_path: Path) -> None:
    run = program.Terminal(["demo"], env(tmp_path))
    try:
        run.expect(r"Open it\? \[Y/n\]")
        run.type("\r")
        run.expect(r"this machine")
        run.expect(r"\$ ")
        run.type("echo one$((1 + 1))three\r")
        run.expect("one2three")
        run.type("exit\r")
        run.expect("everything is gone")
        assert run.finish() == 0
    finally:
        run.close()
