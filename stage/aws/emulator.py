"""AWS on this machine: the emulator on port N and EC2 on N+1, for as long as a `with` block lasts."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

import boto3
from botocore.config import Config

from stage.aws.assembly import Place
from stage.aws.deployment import AnyClient, deploy
from stage.aws.environment import ACCOUNT, KEPT, client_environment
from stage.aws.ports import HOST, find_free, require_free

START_SECONDS = 30.0
STOP_SECONDS = 3.0
ATTEMPTS = 5
"""How often a free pair of ports is looked for: another stage may take one in between."""

ROOT = Path(__file__).parents[2]
"""Where `stage` can be imported from."""


class StageFailed(RuntimeError):
    """A process of the stage did not start; the message ends with the last lines of its log."""


class Emulator:
    """Use it as a context manager, or call close().

    `port`: N, with N+1 for EC2; 0 finds a free pair. `wait_scale` multiplies every Wait and Retry of Step Functions.
    `clock_url`: a simulator whose clock (`GET /_simulator/clock`) schedules and Wait timestamps follow; else real time.
    Functions find MGN there.
    `proxy_url`: where functions find hosts that are played here.
    `log_dir` receives `emulator.log`, `ec2.log` and `functions/<name>.log`. `state`: the directory in which everything
    but the values of secrets is kept while it runs, and from which it comes back; `inherited`: descriptors that every
    process shall hold. Raises PortInUse or StageFailed.
    """

    def __init__(
        self,
        *,
        log_dir: Path,
        port: int = 0,
        region: str = "us-west-2",
        wait_scale: float = 1.0,
        clock_url: str | None = None,
        proxy_url: str | None = None,
        state: Path | None = None,
        inherited: Sequence[int] = (),
    ) -> None:
        self.region = region
        self.account = ACCOUNT
        self.log_dir = log_dir.resolve()
        self.log_dir.mkdir(parents=True, exist_ok=True)
        self._wait_scale = wait_scale
        self._clock_url, self._proxy_url = clock_url, proxy_url
        self._state, self._inherited = state, inherited
        self._session = boto3.Session(aws_access_key_id=ACCOUNT, aws_secret_access_key="stage", region_name=region)
        self._clients: dict[str, AnyClient] = {}
        self._children: list[subprocess.Popen[bytes]] = []
        self._scratch: str | None = None
        if port:
            require_free(port)
            self._start(port)
            return
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._start(find_free())
                return
            except StageFailed:
                if attempt == ATTEMPTS:
                    raise

    def __enter__(self) -> Emulator:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def url(self) -> str:
        """Everything but EC2."""
        return f"http://{HOST}:{self.port}"

    @property
    def ec2_url(self) -> str:
        """EC2, and `POST /_stage/instances/{id}/status` (see stage.aws.ec2)."""
        return f"http://{HOST}:{self.port + 1}"

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which any other program speaks to this stage instead of AWS."""
        return client_environment(self.port, self.region, self._clock_url)

    def client(self, service: str) -> AnyClient:
        """The boto3 client of the stage for `service`, with placeholder credentials and no proxy."""
        if service not in self._clients:
            self._clients[service] = self._session.client(
                service,
                endpoint_url=self.ec2_url if service == "ec2" else self.url,
                config=Config(proxies={}, retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
            )
        return self._clients[service]

    def deploy(
        self, assembly: Path, parameters: Mapping[str, str] | None = None, *, stack: str | None = None
    ) -> dict[str, str]:
        """Create or update a stack of the cloud assembly `assembly` (`cdk.out`) and return its outputs."""
        place = Place(self.account, self.region)
        return deploy(assembly, self.client, place, parameters=parameters, stack=stack)

    def close(self) -> None:
        """End every process of this stage, function workers included, and remove all they wrote but the logs."""
        for wanted in (signal.SIGTERM, signal.SIGKILL):
            for child in self._children:
                end_group(child, wanted)
            deadline = time.monotonic() + STOP_SECONDS
            while any(child.poll() is None for child in self._children) and time.monotonic() < deadline:
                time.sleep(0.02)
        self._children = []
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = None

    def _start(self, port: int) -> None:
        self.port = port
        self._scratch = tempfile.mkdtemp(prefix="cutover-stage-")
        emulator = ["--region", self.region, "--wait-scale", repr(self._wait_scale), "--scratch", self._scratch]
        emulator += ["--log-dir", str(self.log_dir)]
        if self._clock_url is not None:
            emulator += ["--clock-url", self._clock_url]
        if self._proxy_url is not None:
            emulator += ["--proxy-url", self._proxy_url]
        ec2: list[str] = []
        if self._state is not None:
            self._state.mkdir(parents=True, exist_ok=True)
            emulator += ["--state", str(self._state.resolve() / "services")]
            ec2 += ["--state", str(self._state.resolve() / "ec2")]
        try:
            self._spawn("stage.aws.server", port, emulator, "emulator.log")
            self._spawn("stage.aws.ec2", port + 1, ec2, "ec2.log")
            self._await(self._children[0], f"{self.url}/_ministack/ready", "emulator.log")
            answering = self._await(self._children[1], f"{self.ec2_url}/_stage/health", "ec2.log")
            if answering != str(self._children[1].pid) or any(child.poll() is not None for child in self._children):
                raise StageFailed(f"ports {port} and {port + 1} were taken by another stage meanwhile; start again")
        except BaseException:  # whatever interrupted the start, Ctrl-C included, must leave nothing behind
            self.close()
            raise

    def _spawn(self, module: str, port: int, options: list[str], log: str) -> None:
        command = [sys.executable, "-m", module, "--port", str(port), "--parent", str(os.getpid()), *options]
        with (self.log_dir / log).open("ab") as output:
            self._children.append(
                subprocess.Popen(
                    command,
                    cwd=ROOT,
                    env={name: os.environ[name] for name in KEPT if name in os.environ},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    pass_fds=self._inherited,
                    start_new_session=True,  # Ctrl-C reaches the parent alone, which closes in order
                )
            )

    def _await(self, child: subprocess.Popen[bytes], url: str, log: str) -> str:
        """What `url` answers, once it does. StageFailed when `child` ends first, or nobody answers in time."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and child.poll() is None:
            try:
                with opener.open(url, timeout=1) as answer:
                    return str(answer.read(), "utf-8")
            except OSError:
                time.sleep(0.05)
        path = self.log_dir / log
        tail = "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
        state = "does not answer" if child.poll() is None else f"ended with code {child.returncode}"
        raise StageFailed(f"{url} {state}; the end of {path}:\n{tail}")


def end_group(child: subprocess.Popen[bytes], wanted: signal.Signals) -> None:
    """Signal `child` and all it started, also when it has ended itself; reap it when it has."""
    try:
        os.killpg(child.pid, wanted)
    except (ProcessLookupError, PermissionError):  # nobody left; macOS says so with EPERM
        child.poll()
