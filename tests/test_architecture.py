"""The layers hold, in the source and at run time: quick answers load nothing heavy."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "kdebug").rglob("*.py"))
HEAVY = ("textual", "kubernetes", "aiohttp", "websockets")
SLOW = ("typer", "pydantic", "asyncio", "subprocess")
"""What a usage error may take its time for, and help, version and a refusal may not."""
KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: production
contexts: [{name: production, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]
users: [{name: u, user: {token: t}}]
"""
LOADED = """
import sys
from kdebug.cli.main import run
code = run(["kdebug", *sys.argv[1:]])
print("code", code, *sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


def test_imports_point_one_way() -> None:
    """The contracts of pyproject.toml are kept."""
    lint = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run(
        [sys.executable, "-c", lint], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("words", [["--help"], ["plan", "--help"], ["version"], ["--oops"], ["pod", "--dry-run"]])
def test_quick_answers_load_nothing_heavy(words: list[str], tmp_path: Path) -> None:
    """Help, version, a usage error and a refusal by name, each in a fresh interpreter."""
    config = tmp_path / "kubeconfig"
    config.write_text(KUBECONFIG)
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *words],
        cwd=ROOT,
        env={"KUBECONFIG": str(config), "HOME": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    _, code, *loaded = done.stderr.splitlines()[-1].split()
    assert int(code) == {"--oops": 2, "pod": 3}.get(words[0], 0), done.stderr
    assert not set(HEAVY) & set(loaded)
    if words != ["--oops"]:
        assert not set(SLOW) & set(loaded)


def test_help_does_not_even_load_the_requests(tmp_path: Path) -> None:
    """It is made from the declarations alone."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, "--help"],
        cwd=ROOT,
        env={"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert not {"yaml", "pydantic", "typer", "json"} & set(done.stderr.split())


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_opens_with_what_it_is_for(module: Path) -> None:
    """One sentence first: a newcomer reads the tree by these."""
    text = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8")))
    assert text
    assert text.split("\n\n")[0].rstrip().endswith((".", ":"))
