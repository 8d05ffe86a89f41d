"""The tools of the demo's shell, with and without busybox on this machine."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from kdebug.demo.toolbox import Toolbox, is_interactive_shell


def without_busybox(name: str) -> str | None:
    return None if name == "busybox" else shutil.which(name)


def test_without_busybox_the_machine_s_own_tools_answer_to_its_paths(tmp_path: Path) -> None:
    toolbox = Toolbox(tmp_path / "tools", find=without_busybox)
    command = toolbox.localized(["/busybox/sh", "-c", "echo hello | /busybox/cat"])
    assert command is not None
    ended = subprocess.run(command, env=toolbox.environment(tmp_path, {}), capture_output=True, check=True)
    assert (toolbox.has_busybox, ended.stdout) == (False, b"hello\n")


def test_nothing_of_the_machine_is_found_but_the_tools(tmp_path: Path) -> None:
    toolbox = Toolbox(tmp_path / "tools", find=without_busybox)
    assert toolbox.localized(["python3"]) is None
    assert toolbox.localized(["/busybox/nothing"]) is None
    assert "python3" not in [path.name for path in toolbox.path.iterdir()]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["/busybox/sh"], True),
        (["sh", "-i"], True),
        (["/busybox/busybox", "ash"], True),
        (["/busybox/sh", "-c", "id"], False),
        (["/busybox/ls"], False),
        ([], False),
    ],
)
def test_which_commands_are_shells_to_type_into(command: list[str], expected: bool) -> None:
    assert is_interactive_shell(command) is expected
