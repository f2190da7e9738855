"""What the services know is on disk before they answer, and comes back after a kill; the values of secrets are not.

Upstream saves when it is stopped in order, and never otherwise; then it writes secrets as they are, drops what
buckets contain unless told to write objects besides, and hides what it could not save in its log.
What an answered request started goes on (executions, deliveries), so that is looked at again every second; and a stack
is on disk only after everything that was made for it.
"""

from __future__ import annotations

import logging
import pickle
import threading
import time
from pathlib import Path

from stage.aws.shim.patch import Anything, replace, upstream
from stage.whole import write_whole

KEPT = (
    "cloudformation",
    "cloudwatch",
    "dynamodb",
    "eventbridge",
    "iam",
    "lambda_svc",
    "s3",
    "scheduler",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
    "stepfunctions",
)
"""The modules of the services whose state is kept: those that the template and a run use, but the logs."""

BY_THEMSELVES = ("eventbridge", "scheduler", "sns", "sqs", "stepfunctions")
"""Those that change without a request of their own, besides when a stack is deployed. Not DynamoDB: it is read between
its requests only, in the thread that answers them, so that half a transaction is never on disk."""

QUESTIONS = ("Get", "List", "Describe", "Query", "Scan", "BatchGet", "TransactGet", "ReceiveMessage", "Head")

LOOK_SECONDS = 1.0
TRIES = 20
"""How often a state is read that other threads are changing meanwhile."""

logger = logging.getLogger("snapshots")


def state_of(module: str) -> Anything:
    """What upstream says must be kept, with the objects in buckets and without the values of secrets."""
    service = upstream(f"services.{module}")
    state = service.get_state()
    if module == "s3":
        state["buckets_meta"] = service._buckets
    if module == "secretsmanager":
        for secret in state["secrets"]._data.values():
            for version in secret["Versions"].values():
                version.update(SecretString=None, SecretBinary=None)
    return state


def settled(module: str, state: Anything) -> bool:
    """Whether the state can be gone on from: a stack half way cannot."""
    if module != "cloudformation":
        return True
    return not any(stack["StackStatus"].endswith("_IN_PROGRESS") for stack in state["stacks"]._data.values())


class Snapshots:
    """A file for each service in `directory`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._written: dict[str, bytes] = {}
        self._locks = {module: threading.Lock() for module in KEPT}
        directory.mkdir(parents=True, exist_ok=True)

    def restore(self) -> None:
        """Give every service what was kept of it."""
        for module in KEPT:
            path = self._directory / module
            if path.exists():
                self._written[module] = path.read_bytes()
                upstream("app")._get_module(module).load_persisted_state(pickle.loads(self._written[module]))

    def save(self, module: str) -> None:
        """Have the service's state on disk."""
        with self._locks[module]:
            for attempt in range(1, TRIES + 1):
                try:
                    state = state_of(module)
                    content = pickle.dumps(state, pickle.HIGHEST_PROTOCOL)
                    break
                except RuntimeError:  # a dictionary changed while it was read
                    if attempt == TRIES:
                        raise
            if content != self._written.get(module) and settled(module, state):
                if module == "cloudformation":
                    for other in KEPT:
                        if other != module:
                            self.save(other)
                write_whole(self._directory / module, content)
                self._written[module] = content

    def written_through(self, module: str, handle: Anything) -> Anything:
        """`handle`, whose answers wait for the disk, but those to questions about what only requests change."""

        async def handle_request(
            method: str, path: str, headers: dict[str, str], body: bytes, query_params: Anything
        ) -> Anything:
            answer = await handle(method, path, headers, body, query_params)
            action = headers.get("x-amz-target", "").rpartition(".")[2]
            if module == "stepfunctions" or (method not in ("GET", "HEAD") and not action.startswith(QUESTIONS)):
                self.save(module)
            return answer

        return handle_request

    def look(self) -> None:
        """Save what changed by itself, for as long as the process lives."""
        while True:
            time.sleep(LOOK_SECONDS)
            for module in BY_THEMSELVES:
                try:
                    self.save(module)
                except Exception:  # a service that cannot be saved now must not keep the others from it
                    logger.exception("the state of %s could not be saved", module)


def install(directory: Path) -> Snapshots:
    """Bring the services back from `directory`, and keep them there from now on."""
    app = upstream("app")
    replace("services.lambda_svc", "CODE_BLOB_DIR", lambda original: str(directory / "code"))
    snapshots = Snapshots(directory)
    snapshots.restore()
    for name, config in app.SERVICE_REGISTRY.items():
        if config["module"] in KEPT:
            app.SERVICE_HANDLERS[name] = snapshots.written_through(config["module"], app.SERVICE_HANDLERS[name])
    threading.Thread(target=snapshots.look, daemon=True, name="snapshots").start()
    return snapshots
