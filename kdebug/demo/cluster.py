"""The embedded cluster as its users see it: start it, point a kubeconfig at it, stop it."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import tempfile
import threading
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from kdebug.demo.admission import Admission, Denial, Webhook
from kdebug.demo.clock import Clock, RealClock
from kdebug.demo.faults import Call, Faults
from kdebug.demo.model import Model
from kdebug.demo.scenario import Scenario, prism_scenario
from kdebug.demo.server import Listener, Server
from kdebug.demo.store import Store
from kdebug.demo.timings import Timings
from kdebug.domain.kinds import Kind, Manifest

CONTEXT = "kdebug-demo"
USER = "demo"

T = TypeVar("T")


class EmbeddedCluster:
    """A Kubernetes API on loopback, in a thread of its own. Usable from any thread, and as a context manager."""

    def __init__(
        self,
        *,
        scenario: Scenario | None = None,
        clock: Clock | None = None,
        faults: Faults | None = None,
        timings: Timings | None = None,
        denied: Sequence[Denial] = (),
        webhooks: Sequence[Webhook] = (),
        user: str = USER,
        new_uid: Callable[[], str] = lambda: str(uuid.uuid4()),
        new_token: Callable[[], str] = lambda: secrets.token_urlsafe(32),
    ) -> None:
        self._scenario = scenario if scenario is not None else prism_scenario()
        self.clock: Clock = clock if clock is not None else RealClock()
        self.faults = faults if faults is not None else Faults()
        self._timings = timings if timings is not None else Timings()
        self.token = new_token()
        self.url = ""
        self._directory = Path(tempfile.mkdtemp(prefix="kdebug-demo-"))
        self._model = Model(
            self.clock, self._timings, self._directory, new_uid, user=user, denied=denied, webhooks=webhooks
        )
        self._thread: threading.Thread | None = None
        self._loop = asyncio.new_event_loop()
        self._failure: BaseException | None = None

    @property
    def kubeconfig_path(self) -> Path:
        """The kubeconfig, 0600 in a directory of 0700; there once the cluster has started."""
        return self._directory / "kubeconfig"

    @property
    def kubectl_kubeconfig_path(self) -> Path:
        """A second one for kubectl, which sends no token over plain HTTP: the server's path holds it there."""
        return self._directory / "kubectl.kubeconfig"

    @property
    def calls(self) -> tuple[Call, ...]:
        """Every request so far."""
        return self.faults.calls

    @property
    def admission(self) -> Admission:
        """Rights and webhooks, to be changed while the cluster runs."""
        return self._model.admission

    def start(self) -> EmbeddedCluster:
        """Play the scenario's past, listen, and return when requests are taken."""
        self.clock.begin(self._scenario.history)
        self._model.load(self._scenario.objects)
        self.clock.advance(self._scenario.history)
        is_ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(is_ready,), name="kdebug-demo", daemon=True)
        self._thread.start()
        is_ready.wait()
        if self._failure is not None:
            raise self._failure
        _write_private(self.kubeconfig_path, json.dumps(self._kubeconfig(self.url), indent=2))
        _write_private(self.kubectl_kubeconfig_path, json.dumps(self._kubeconfig(f"{self.url}/{self.token}"), indent=2))
        return self

    def stop(self) -> None:
        """End every stream and process, stop listening, and remove the private directory."""
        if self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._thread = None
        elif not self._loop.is_closed():
            self._loop.close()
        shutil.rmtree(self._directory, ignore_errors=True)

    def __enter__(self) -> EmbeddedCluster:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def on_store(self, action: Callable[[Store], T]) -> T:
        """Run an action on the objects, between two requests, and return its result."""

        async def run() -> T:
            return action(self._model.store)

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    def objects(self) -> tuple[Manifest, ...]:
        """Return every object there is."""
        return self.on_store(lambda store: tuple(store.everything()))

    def get(self, kind: Kind, name: str, namespace: str = "") -> Manifest | None:
        """Return one object as it is now, or None, without a request."""
        return self.on_store(lambda store: store.get(kind, namespace, name))

    def wait_for(self, fact: Callable[[Store], T], *, seconds: float = 10.0) -> T:
        """Return the fact as soon as it is true, looking after every write; TimeoutError after so many real seconds."""

        async def wait() -> T:
            has_changed = asyncio.Event()
            unsubscribe = self._model.store.subscribe(lambda _: has_changed.set())
            try:
                async with asyncio.timeout(seconds):
                    while not (found := fact(self._model.store)):
                        has_changed.clear()
                        await has_changed.wait()
                    return found
            finally:
                unsubscribe()

        return asyncio.run_coroutine_threadsafe(wait(), self._loop).result()

    def load(self, *manifests: Manifest) -> None:
        """Add objects as a scenario does, without a request and without admission."""

        async def run() -> None:
            self._model.load(manifests)

        asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    def drop_streams(self) -> None:
        """Break every open exec connection without a word, as a lost network does."""

        async def run() -> None:
            self._model.streams.drop()

        asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    def _run(self, is_ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        listener = Listener(Server(self._model, self.faults, self.token), self.clock)
        try:
            self.url = f"http://127.0.0.1:{self._loop.run_until_complete(listener.open())}"
        except OSError as error:
            self._failure = error
            self._loop.close()
            return
        finally:
            is_ready.set()
        try:
            self._loop.run_forever()
        finally:
            self._loop.run_until_complete(self._model.streams.close())
            self._loop.run_until_complete(listener.close())
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()

    def _kubeconfig(self, server: str) -> Manifest:
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": CONTEXT,
            "contexts": [
                {
                    "name": CONTEXT,
                    "context": {"cluster": CONTEXT, "user": CONTEXT, "namespace": self._scenario.namespace},
                }
            ],
            "clusters": [{"name": CONTEXT, "cluster": {"server": server}}],
            "users": [{"name": CONTEXT, "user": {"token": self.token}}],
        }


def _write_private(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
