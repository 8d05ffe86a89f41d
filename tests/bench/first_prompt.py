"""Measure kdebug against `kubectl debug --copy-to` in pairs: to the first prompt, and from exit to gone.

    KDEBUG_TEST_KUBECONFIG=FILE python -m tests.bench.first_prompt NAMESPACE POD CONTAINER DEBUG-IMAGE [PAIRS]

kubectl is taken from KDEBUG_TEST_KUBECTL (a command line) or PATH. Prints a Markdown table; ratios are what counts.
"""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.support.kubectl import kubectl_command
from tests.support.program import Terminal, environment

PROMPT = r"~ \$ "


def kdebug_seconds(env: dict[str, str], namespace: str, pod: str) -> tuple[float, float]:
    """Return seconds from the command to its first prompt, and from exit to everything proven gone."""
    began = time.monotonic()
    run = Terminal([pod, "-n", namespace, "--yes"], env)
    try:
        run.expect(PROMPT)
        prompt = time.monotonic() - began
        run.type("exit\r")
        left = time.monotonic()
        run.expect("everything is gone")
        gone = time.monotonic() - left
        run.finish()
    finally:
        run.close()
    return prompt, gone


def kubectl_seconds(
    env: dict[str, str], words: tuple[str, ...], namespace: str, pod: str, container: str, image: str
) -> float:
    """Return seconds from the command to its first prompt; the copy is deleted afterwards, as kubectl does not."""
    name = f"bench-{os.getpid()}-{time.monotonic_ns()}"
    began = time.monotonic()
    options = [f"--copy-to={name}", f"--container={container}", f"--image={image}", "--profile=restricted"]
    run = Terminal(["debug", pod, "-n", namespace, "-it", *options, "--", "/busybox/sh"], env, program=words)
    try:
        run.expect(PROMPT)
        return time.monotonic() - began
    finally:
        run.close()
        delete = [*words, "delete", "pod", name, "-n", namespace, "--grace-period=1"]
        subprocess.run(delete, env=env, capture_output=True, check=False)


def main() -> None:
    """Measure and print."""
    namespace, pod, container, image, *rest = sys.argv[1:]
    pairs = int(rest[0]) if rest else 10
    words = kubectl_command()
    ours: list[float] = []
    theirs: list[float] = []
    gone: list[float] = []
    with tempfile.TemporaryDirectory() as home:
        env = environment(os.environ["KDEBUG_TEST_KUBECONFIG"], Path(home))
        for _ in range(pairs):
            # The kubelet looks at its containers once a second, and a deletion that was awaited ends at such a moment:
            # without a pause of random length every run would begin in step with it.
            time.sleep(random.random())
            theirs.append(kubectl_seconds(env, words, namespace, pod, container, image))
            time.sleep(random.random())
            prompt, end = kdebug_seconds(env, namespace, pod)
            ours.append(prompt)
            gone.append(end)
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    print("| figure | median | lowest | highest |\n|---|---|---|---|")
    for title, values, unit in (
        ("kdebug, command to first prompt", ours, " s"),
        ("kubectl debug --copy-to, command to first prompt", theirs, " s"),
        ("ratio of the pairs", ratios, " x"),
        ("kdebug, exit to everything proven gone", gone, " s"),
    ):
        print(f"| {title} | {statistics.median(values):.2f}{unit} | {min(values):.2f} | {max(values):.2f} |")
    print(f"\n{pairs} pairs.")


if __name__ == "__main__":
    main()
