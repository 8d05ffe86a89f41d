"""The life of one pod on the node: waiting, running, crashing, backing off, ending."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from kdebug.demo.clock import Clock, Timer, moment_of, stamp
from kdebug.demo.containers import Container, environment_of, missing_volume, phase_of
from kdebug.demo.events import Recorder
from kdebug.demo.images import Image, command_of, full_name, image_of, run_of, start_error
from kdebug.demo.podstatus import pod_status
from kdebug.demo.resources import JSON
from kdebug.demo.store import Store, copied
from kdebug.demo.timings import Timings
from kdebug.domain.kinds import CONFIG_MAP, POD, SECRET, Manifest, name_of, namespace_of, uid_of

_LONGEST_BACK_OFF = 300.0
_TOO_LONG = "Pod was active on the node longer than the specified deadline"
_CANNOT_START = (
    "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
)


class PodLife:
    """What the kubelet knows of one pod. Every method is one event in its life and ends in a written status."""

    def __init__(
        self,
        pod: Manifest,
        store: Store,
        clock: Clock,
        events: Recorder,
        timings: Timings,
        stopped: Callable[[str], None],
    ) -> None:
        self._pod = pod
        self._store = store
        self._clock = clock
        self._events = events
        self._timings = timings
        self._stopped = stopped
        self._timers: list[Timer] = []
        self._starts = 0
        self._deadline: Timer | None = None
        self._ended_by = ""
        self.is_stopping = False
        spec = pod["spec"]
        inits = [Container(spec=item, is_init=True) for item in spec.get("initContainers") or ()]
        self.containers = [*inits, *(Container(spec=item) for item in spec["containers"])]
        for container in self.containers if inits else ():
            container.state = {"waiting": {"reason": "PodInitializing"}}

    def begin(self) -> None:
        """Take the pod from the scheduler."""
        self._write(start=self._clock.now())
        self.set_deadline()
        self._after(self._timings.create, self._mount)

    def forget(self) -> None:
        """Drop everything: the pod is gone."""
        self.is_stopping = True
        for timer in self._timers:
            timer.cancel()
        self._stopped(uid_of(self._pod))

    def set_deadline(self) -> None:
        """Follow activeDeadlineSeconds, which may be changed while the pod lives."""
        if self._deadline is not None:
            self._deadline.cancel()
        pod = self._current()
        seconds = pod["spec"].get("activeDeadlineSeconds") if pod is not None else None
        if pod is None or seconds is None or "startTime" not in pod["status"]:
            return
        end = moment_of(pod["status"]["startTime"]) + timedelta(seconds=seconds)
        self._deadline = self._after((end - self._clock.now()).total_seconds(), self._overrun)

    def stop(self, grace: float) -> None:
        """End the containers because the pod is being deleted, then let it go."""
        if self.is_stopping:
            return
        self.is_stopping = True
        for container in self.containers:
            if container.is_running:
                self._tell(container, "Killing", f"Stopping container {container.name}")
        self._clock.call_after(min(self._timings.stop, grace), self._let_go)

    def container(self, name: str) -> Container | None:
        """Return the container of that name, or None."""
        return next((container for container in self.containers if container.name == name), None)

    def _after(self, seconds: float, action: Callable[[], None]) -> Timer:
        def run() -> None:
            if not self.is_stopping and not self._ended_by:
                action()

        timer = self._clock.call_after(seconds, run)
        self._timers = [known for known in self._timers if known.when >= self._clock.now()] + [timer]
        return timer

    def _current(self) -> Manifest | None:
        found = self._store.get(POD, namespace_of(self._pod), name_of(self._pod))
        return found if found is not None and uid_of(found) == uid_of(self._pod) else None

    def _config(self) -> dict[tuple[str, str], Manifest]:
        namespace = namespace_of(self._pod)
        return {
            (kind.name, name_of(item)): item
            for kind in (CONFIG_MAP, SECRET)
            for item in self._store.list(kind, namespace)
        }

    def _mount(self) -> None:
        volume, problem = missing_volume(self._pod["spec"], self._config())
        if volume:
            told = f'MountVolume.SetUp failed for volume "{volume}" : {problem}'
            self._events.record(self._pod, "FailedMount", told, is_warning=True)
            self._after(self._timings.retry, self._mount)
        else:
            self._proceed()

    def _proceed(self) -> None:
        """Start the next init container, or all the others when the init containers have succeeded."""
        waiting = [container for container in self.containers if container.is_init and container.exit_code != 0]
        for container in waiting[:1] or [container for container in self.containers if not container.is_init]:
            self._start(container)
        self._write()

    def _start(self, container: Container) -> None:
        image = image_of(container.spec["image"])
        if image is None:
            self._fail_pull(container)
            return
        environment, problem = environment_of(container.spec, self._config(), namespace_of(self._pod))
        problem = problem or self._root_problem(container, image)
        if problem:
            container.state = {"waiting": {"reason": "CreateContainerConfigError", "message": problem}}
            self._tell(container, "Failed", f"Error: {problem}", is_warning=True)
            self._after(self._timings.retry, self._proceed_with(container))
            return
        self._starts += 1
        container.run_id = f"containerd://{uid_of(self._pod).replace('-', '')}{self._starts:032x}"
        self._tell(container, "Pulled", f'Container image "{container.spec["image"]}" already present on machine')
        self._tell(container, "Created", f"Created container: {container.name}")
        command = command_of(container.spec, image)
        if error := start_error(image, command):
            message = f"{_CANNOT_START}unable to start container process: {error}: unknown"
            self._tell(container, "Failed", f"Error: {message}", is_warning=True)
            self._end(container, 128, "StartError", message, started="1970-01-01T00:00:00Z")
            return
        run = run_of(command, environment, self._clock.now())
        self._tell(container, "Started", f"Started container {container.name}")
        if container.has_started:
            container.previous_log = container.log
        container.log = run.log
        started = stamp(self._clock.now())
        container.state = {"running": {"startedAt": started}}
        if run.seconds is not None:
            reason = "OOMKilled" if run.exit_code == 137 else "Error" if run.exit_code else "Completed"
            self._after(run.seconds, lambda: self._exit(container, run.exit_code, reason, started))

    def _proceed_with(self, container: Container) -> Callable[[], None]:
        def again() -> None:
            self._start(container)
            self._write()

        return again

    def _root_problem(self, container: Container, image: Image) -> str:
        of_pod = self._pod["spec"].get("securityContext") or {}
        security = {**of_pod, **(container.spec.get("securityContext") or {})}
        if not security.get("runAsNonRoot"):
            return ""
        where = f'(pod: "{self._title()}", container: {container.name})'
        if security.get("runAsUser") == 0:
            return f"container's runAsUser breaks non-root policy {where}"
        if "runAsUser" not in security and image.user == 0:
            return f"container has runAsNonRoot and image will run as root {where}"
        return ""

    def _title(self) -> str:
        return f"{name_of(self._pod)}_{namespace_of(self._pod)}({uid_of(self._pod)})"

    def _fail_pull(self, container: Container) -> None:
        asked, name = container.spec["image"], full_name(container.spec["image"])
        problem = (
            f'rpc error: code = NotFound desc = failed to pull and unpack image "{name}": failed to resolve reference '
            f'"{name}": '
            f"{name}: not found"
        )
        self._tell(container, "Pulling", f'Pulling image "{asked}"')

        def fail() -> None:
            container.state = {"waiting": {"reason": "ErrImagePull", "message": problem}}
            self._tell(container, "Failed", f'Failed to pull image "{asked}": {problem}', is_warning=True)
            self._tell(container, "Failed", "Error: ErrImagePull", is_warning=True)
            self._write()
            self._after(self._timings.retry, back_off)

        def back_off() -> None:
            message = f'Back-off pulling image "{asked}": ErrImagePull: {problem}'
            container.state = {"waiting": {"reason": "ImagePullBackOff", "message": message}}
            self._tell(container, "BackOff", f'Back-off pulling image "{asked}"')
            self._tell(container, "Failed", "Error: ImagePullBackOff", is_warning=True)
            self._write()

        self._after(self._timings.pull, fail)

    def _exit(self, container: Container, code: int, reason: str, started: str) -> None:
        self._end(container, code, reason, "", started=started)
        self._write()

    def _end(self, container: Container, code: int, reason: str, message: str, *, started: str) -> None:
        ended: JSON = {
            "exitCode": code,
            "reason": reason,
            "startedAt": started,
            "finishedAt": stamp(self._clock.now()),
            "containerID": container.run_id,
        }
        if message:
            ended["message"] = message
        container.state = {"terminated": ended}
        self._stopped(f"{uid_of(self._pod)}/{container.name}")
        if container.is_init and code == 0:
            self._after(0.0, self._proceed)
        elif self._is_restarted(container, code):
            # The first start over comes at once; only then does the kubelet back off.
            self._after(self._timings.create, lambda: self._back_off(container))

    def _is_restarted(self, container: Container, code: int) -> bool:
        policy = self._pod["spec"].get("restartPolicy", "Always")
        return policy == "Always" or (policy == "OnFailure" and code != 0)

    def _back_off(self, container: Container) -> None:
        delay = 0.0 if container.restarts == 0 else self._timings.restart * 2 ** (container.restarts - 1)
        delay = min(delay, _LONGEST_BACK_OFF)
        container.last_state = container.state
        if delay:
            told = f"restarting failed container={container.name} pod={self._title()}"
            spelled = f"{delay:g}s" if delay < 60 else f"{delay // 60:g}m{delay % 60:g}s"
            container.state = {"waiting": {"reason": "CrashLoopBackOff", "message": f"back-off {spelled} {told}"}}
            message = f"Back-off restarting failed container {container.name} in pod {self._title()}"
            self._tell(container, "BackOff", message, is_warning=True)
            self._write()
        self._after(delay, lambda: self._restart(container))

    def _restart(self, container: Container) -> None:
        container.restarts += 1
        self._start(container)
        self._write()

    def _overrun(self) -> None:
        self._ended_by = "DeadlineExceeded"
        self._events.record(self._pod, "DeadlineExceeded", _TOO_LONG)
        self._kill_all(137)
        self._write()
        self._stopped(uid_of(self._pod))

    def _kill_all(self, code: int) -> None:
        for container in self.containers:
            if container.is_running:
                started = container.state["running"]["startedAt"]
                reason = "Error" if code else "Completed"
                self._end(container, code, reason, "", started=started)

    def _let_go(self) -> None:
        self._kill_all(143)
        self.forget()
        pod = self._current()
        if pod is None:
            return
        new = copied(pod)
        new["status"] = self._status(pod, None)
        new["metadata"]["deletionGracePeriodSeconds"] = 0
        if new["metadata"].get("finalizers"):
            self._store.replace(pod, new)
        else:
            self._store.remove(new)

    def _tell(self, container: Container, reason: str, message: str, *, is_warning: bool = False) -> None:
        self._events.record(self._pod, reason, message, is_warning=is_warning, container=container.name)

    def _status(self, pod: Manifest, start: datetime | None) -> JSON:
        phase = "Failed" if self._ended_by else phase_of(self.containers, pod["spec"].get("restartPolicy", "Always"))
        status = pod_status(pod, self.containers, phase, stamp(self._clock.now()))
        if start is not None:
            status["startTime"] = stamp(start)
        if self._ended_by:
            status |= {"reason": self._ended_by, "message": _TOO_LONG}
        return status

    def _write(self, start: datetime | None = None) -> None:
        pod = self._current()
        if pod is not None:
            new = copied(pod)
            new["status"] = self._status(pod, start)
            self._store.replace(pod, new)
