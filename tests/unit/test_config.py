"""The configuration file: what it may say, every problem with its place, and which files are not trusted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdebug.config.document import parse
from kdebug.config.loading import default_path, load, load_for
from kdebug.config.schema import seconds_of
from kdebug.config.values import Config, ImageSettings, Limits
from kdebug.domain.guard import GuardRules
from kdebug.errors import ConfigError

ME = os.getuid()
KNOWN = "apiVersion, guard, harmless_env, images, isolation, limits, namespace"
MISSING = "apiVersion: is missing; the first line is: apiVersion: kdebug/v1"
DURATION = "limits.max_duration: expected a duration from 1m to 4h"
OUT = "are not allowed: write the value out"
HEAD = "apiVersion: kdebug/v1\n"
WHOLE = """\
apiVersion: kdebug/v1
guard:
  deny: ["*-secure", "bank-*"]
  acknowledge: [noprod]
namespace: kdebug-team
images:
  debug_suffix: dbg
  fallback: registry.example.com/busybox:1.37
  rules:
    "gcr.io/distroless/*": debug-nonroot
  also_debug: [ghcr.io/prism/]
limits:
  cpu: "1"
  memory: 512Mi
  max_duration: 1h30m
harmless_env: [LANG]
isolation: required
"""


def written(path: Path, text: str | bytes, mode: int = 0o600) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    path.chmod(mode)
    return path


def load_one(tmp_path: Path, text: str | bytes) -> Config:
    return load([written(tmp_path / "config.yaml", text)], environment={}, user_id=ME)


def problems(tmp_path: Path, text: str | bytes) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_one(tmp_path, text)
    return [line.replace(f"{tmp_path}/", "") for line in caught.value.what.splitlines()]


def test_a_whole_file(tmp_path: Path) -> None:
    assert load_one(tmp_path, WHOLE) == Config(
        guard=GuardRules(deny=("*-secure", "bank-*"), acknowledge=("noprod",)),
        namespace="kdebug-team",
        images=ImageSettings(
            debug_suffix="dbg",
            fallback="registry.example.com/busybox:1.37",
            rules=(("gcr.io/distroless/*", "debug-nonroot"),),
            also_debug=("ghcr.io/prism/",),
        ),
        limits=Limits(cpu="1", memory="512Mi", max_duration_seconds=5400),
        harmless_env=("LANG",),
        isolation="required",
        sources=(str(tmp_path / "config.yaml"),),
    )


def test_a_file_with_the_version_alone_is_the_defaults(tmp_path: Path) -> None:
    config = load_one(tmp_path, HEAD)
    assert config == Config(sources=config.sources)


def test_no_file_is_the_defaults() -> None:
    assert load([], environment={}, user_id=ME) == Config()


def test_files_add_up_and_the_later_value_wins(tmp_path: Path) -> None:
    team = written(tmp_path / "team.yaml", WHOLE)
    own = written(
        tmp_path / "own.yaml",
        f"{HEAD}guard: {{deny: [mine, bank-*]}}\nimages: {{rules: {{'x/*': debug-x}}}}\n"
        "limits: {cpu: 500m}\nisolation: reported\n",
    )
    config = load([team, own], environment={}, user_id=ME)
    assert config.guard == GuardRules(deny=("*-secure", "bank-*", "mine"), acknowledge=("noprod",))
    assert config.images.rules == (("gcr.io/distroless/*", "debug-nonroot"), ("x/*", "debug-x"))
    assert config.images.debug_suffix == "dbg"
    assert config.limits == Limits(cpu="500m", memory="512Mi", max_duration_seconds=5400)
    assert config.isolation == "required"
    assert config.namespace == "kdebug-team"


def test_the_environment_only_adds_denies(tmp_path: Path) -> None:
    path = written(tmp_path / "config.yaml", WHOLE)
    environment = {"KDEBUG_DENY": " blue-*, ,bank-*,", "KDEBUG_ACKNOWLEDGE": "prod"}
    config = load([path], environment=environment, user_id=ME)
    assert config.guard == GuardRules(deny=("*-secure", "bank-*", "blue-*"), acknowledge=("noprod",))
    assert load([], environment={"KDEBUG_DENY": "x"}, user_id=ME).guard.deny == ("x",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (HEAD + "guard:\n  dney: [x]\n", ["3:3: guard.dney: unknown key (did you mean deny?)"]),
        (HEAD + "zzz: 1\n", [f"2:1: zzz: unknown key (known: {KNOWN})"]),
        ("guard: {}\n", [f"1:1: {MISSING}"]),
        ("", [f"1:1: {MISSING}"]),
        ("apiVersion: v1\n", ["1:1: apiVersion: should be 'kdebug/v1' (got 'v1')"]),
        (HEAD + "isolation: maybe\n", ["2:1: isolation: should be 'required' or 'reported' (got 'maybe')"]),
        (HEAD + "guard:\n  deny:\n    - ok\n    - 12\n", ["5:7: guard.deny[1]: should be text; quote it (got 12)"]),
        (HEAD + "guard:\n  deny: [yes]\n", ["3:10: guard.deny[0]: should be text; quote it (got True)"]),
        (HEAD + "guard:\n  deny: x\n", ["3:3: guard.deny: should be a list (got 'x')"]),
        (HEAD + "guard:\n", ["2:1: guard: should be keys and values (got None)"]),
        (HEAD + "limits: {max_duration: 9h}\n", [f"2:10: {DURATION} (got '9h')"]),
        (HEAD + "guard: {}\nguard: {}\n", ["3:1: guard was given already, in line 2"]),
        (HEAD + "guard: {deny: [a], deny: []}\n", ["2:20: deny was given already, in line 2"]),
        (HEAD + "guard: &g {}\n", [f"2:8: anchors (&name) {OUT}"]),
        (HEAD + "guard: &g {}\nimages: *g\n", [f"2:8: anchors (&name) {OUT}", f"3:9: aliases (*name) {OUT}"]),
        (HEAD + "guard: !!python/object:os.system {}\n", ["2:8: tags (!name) are not allowed"]),
        (HEAD + "<<: {namespace: x}\n", ["2:1: a key has to be text; quote it"]),
        (HEAD + "1: x\n", ["2:1: a key has to be text; quote it"]),
        (HEAD + "? [a]\n: b\n", ["2:3: a key has to be text; quote it"]),
        ("- a\n", ["1:1: expected keys and values"]),
        ("text", ["1:1: expected keys and values"]),
        (HEAD + "a: " + "[" * 25 + "]" * 25, ["2:23: more than 20 levels deep"]),
        (HEAD + "a: [\n", ["3:1: expected the node content, but found '<stream end>' while parsing a flow node"]),
        (HEAD + "\tx: 1\n", None),
        (HEAD + "---\n" + HEAD, None),
        (HEAD + "a: \x00\n", ["2:4: character not allowed"]),
        (HEAD + "namespace: 2024-99-99\n", None),
        (HEAD + "namespace: Kdebug\n", None),
        (HEAD + "namespace: ''\n", None),
        (HEAD + "guard: {deny: ['']}\n", None),
        (HEAD + "guard: {deny: [\"a\\u001bb\"]}\n", None),
        (HEAD + "limits: {cpu: 2}\n", None),
        (HEAD + "limits: {memory: lots}\n", None),
        (HEAD + "images: {debug_suffix: -debug}\n", None),
        (HEAD + "images: {rules: {'': x}}\n", None),
        (HEAD + "images: {rules: {'x/*': 'a b'}}\n", None),
        (HEAD + "harmless_env: ['A=B']\n", None),
        (HEAD + "namespace: " + "9" * 5000 + "\n", None),
    ],
    ids=lambda value: ascii(value)[-40:] if isinstance(value, str) else "",
)  # fmt: skip
def test_every_problem_has_its_place(tmp_path: Path, text: str, expected: list[str] | None) -> None:
    found = problems(tmp_path, text)
    assert all(line.startswith("config.yaml:") and line.split(":")[1].isdigit() for line in found)
    assert expected is None or found == [f"config.yaml:{line}" for line in expected]


def test_all_problems_of_all_files_are_said_at_once(tmp_path: Path) -> None:
    first = written(tmp_path / "a.yaml", HEAD + "guard:\n  dney: []\n  deny: [1]\nisolation: no\n")
    second = written(tmp_path / "b.yaml", HEAD + "nmaespace: x\n")
    with pytest.raises(ConfigError) as caught:
        load([first, second, tmp_path / "c.yaml"], environment={}, user_id=ME)
    lines = [line.replace(f"{tmp_path}/", "") for line in caught.value.what.splitlines()]
    assert [line.split(" ")[0] for line in lines] == [
        "a.yaml:3:3:",
        "a.yaml:4:10:",
        "a.yaml:5:1:",
        "b.yaml:2:1:",
        "c.yaml:",
    ]
    assert "starts no session" in caught.value.remedy
    assert caught.value.exit_code == 2


def test_control_characters_of_a_file_do_not_reach_the_terminal(tmp_path: Path) -> None:
    found = problems(tmp_path, HEAD + '"\\u001b]0;x\\u0007y": 1\nisolation: "\\u001b[2J"\n')
    assert not any(char in line for line in found for char in "\x1b\x07")


def test_a_byte_order_mark_is_no_problem(tmp_path: Path) -> None:
    assert load_one(tmp_path, b"\xef\xbb\xbf" + HEAD.encode()).namespace == "kdebug-isolated"


def test_bytes_that_are_not_text_have_a_place(tmp_path: Path) -> None:
    assert problems(tmp_path, HEAD.encode() + b"a: \xff\n") == ["config.yaml:2:1: not UTF-8"]


# --- which files are trusted ---


def refused(path: Path, user_id: int = ME) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load([path], environment={}, user_id=user_id)
    return caught.value


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666, 0o664])
def test_a_file_that_others_can_write_is_refused(tmp_path: Path, mode: int) -> None:
    path = written(tmp_path / "config.yaml", HEAD, mode)
    error = refused(path)
    assert f"mode {mode:04o}" in error.what
    assert error.remedy == f"chmod go-w {path}"


def test_a_file_of_another_user_is_refused_unless_it_is_roots(tmp_path: Path) -> None:
    path = written(tmp_path / "config.yaml", HEAD)
    if ME == 0:
        assert load([path], environment={}, user_id=1234).namespace
        os.chown(path, 4321, -1)
    assert "belongs to another user" in refused(path, 1234).what


def test_a_fifo_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    os.mkfifo(path, 0o600)
    assert "not a regular file" in refused(path).what


def test_a_directory_and_a_device_are_refused(tmp_path: Path) -> None:
    assert "not a regular file" in refused(tmp_path).what
    assert "not a regular file" in refused(Path("/dev/null")).what


def test_a_loop_of_links_is_refused_and_a_link_to_a_file_is_not(tmp_path: Path) -> None:
    loop = tmp_path / "loop.yaml"
    loop.symlink_to(loop)
    assert "cannot be read" in refused(loop).what
    link = tmp_path / "link.yaml"
    link.symlink_to(written(tmp_path / "config.yaml", HEAD))
    assert load([link], environment={}, user_id=ME).sources == (str(link),)


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    assert "larger than 256 KiB" in refused(written(tmp_path / "config.yaml", HEAD + "#" * (256 * 1024))).what


def test_a_missing_file_says_the_systems_words(tmp_path: Path) -> None:
    error = refused(tmp_path / "none.yaml")
    assert error.because == "No such file or directory"
    assert error.remedy


# --- where the file is looked for ---


def test_the_default_path_follows_xdg_on_every_system() -> None:
    home = Path("/home/me")
    assert default_path({}, home) == Path("/home/me/.config/kdebug/config.yaml")
    assert default_path({"XDG_CONFIG_HOME": "/etc/me"}, home) == Path("/etc/me/kdebug/config.yaml")
    assert default_path({"XDG_CONFIG_HOME": "relative"}, home) == Path("/home/me/.config/kdebug/config.yaml")


def test_the_default_file_may_be_absent_but_not_broken(tmp_path: Path) -> None:
    assert load_for({}, tmp_path, user_id=ME) == Config()
    path = default_path({}, tmp_path)
    path.parent.mkdir(parents=True)
    written(path, HEAD + "namespace: mine\n")
    assert load_for({}, tmp_path, user_id=ME).namespace == "mine"
    path.unlink()
    path.symlink_to(tmp_path / "nowhere")
    with pytest.raises(ConfigError):
        load_for({}, tmp_path, user_id=ME)


def test_named_files_replace_the_default_one_and_must_exist(tmp_path: Path) -> None:
    first = written(tmp_path / "a.yaml", HEAD + "namespace: a\nguard: {deny: [x]}\n")
    second = written(tmp_path / "b.yaml", HEAD + "namespace: b\n")
    config = load_for({"KDEBUG_CONFIG": f"{first}{os.pathsep}{second}"}, tmp_path, user_id=ME)
    assert (config.namespace, config.guard.deny) == ("b", ("x",))
    with pytest.raises(ConfigError, match="cannot be read"):
        load_for({"KDEBUG_CONFIG": str(tmp_path / "none.yaml")}, tmp_path, user_id=ME)


def test_without_a_file_neither_yaml_nor_pydantic_is_imported(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib; from kdebug.config.loading import load_for; from kdebug.domain.guard import judge;"
        f"load_for({{}}, pathlib.Path({str(tmp_path)!r}), user_id=0);"
        "print([name for name in ('yaml', 'pydantic', 'kubernetes', 'textual') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


# --- properties ---


@given(st.text(st.characters(codec="utf-8"), max_size=200))
def test_any_text_is_parsed_or_has_problems(text: str) -> None:
    document = parse(text)
    assert not document.problems or document.data == {}
    assert all(problem.line >= 1 and problem.column >= 1 for problem in document.problems)


@given(st.integers(60, 4 * 3600))
def test_durations(seconds: int) -> None:
    hours, rest = divmod(seconds, 3600)
    assert seconds_of(f"{hours}h{rest // 60}m{rest % 60}s") == seconds
    assert seconds_of(f"{seconds}s") == seconds


@pytest.mark.parametrize("text", ["", "h", "4", "1h 30m", "-1h", "59s", "4h1s", "1.5h", "30m1h", "\u0661h"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="expected a duration"):
        seconds_of(text)
