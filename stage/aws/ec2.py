"""EC2 beside MiniStack, whose own instances are always ok: moto's EC2, whose status checks follow the scenario.

Systems Manager is here too, because the machines are that it knows: MiniStack refuses commands for instances that it
does not have. A command succeeds at once, or fails where the scenario says so.

`python -m stage.aws.ec2 --port N`. Besides EC2's API it answers
`POST /_stage/instances/{id}/status` with `{"instance_status": "impaired", "system_status": "ok"}` (either may be left
out; `ok`, `impaired`, `initializing` or `insufficient-data`), `POST /_stage/instances/{id}/commands` with
`{"status": "Failed"}` (or `Success`) and `GET /_stage/health` (its process id). An instance nobody set is ok, and
commands succeed in it.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.models.instances import Instance
from moto.ec2.responses.general import General
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.ssm.models import Command
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from stage.aws.ec2_state import WSGI, Memory
from stage.aws.lifeline import end_with
from stage.aws.nodes import nodes
from stage.aws.ports import HOST

REACHABILITY = {
    "ok": "passed",
    "impaired": "failed",
    "initializing": "initializing",
    "insufficient-data": "insufficient-data",
}
"""EC2's summary of a status check, and the detail it goes with."""

RUNNING = 16
SCREEN = base64.b64encode(b"\xff\xd8\xff\xd9").decode()
"""What every instance shows on its screen: a JPEG with nothing in it."""
COMMANDS = ("Success", "Failed")


@dataclass
class Statuses:
    """What the status checks of the instances say, by instance id."""

    instance: dict[str, str]
    system: dict[str, str]
    commands: dict[str, str] = field(default_factory=dict)
    """What becomes of commands inside of it."""

    def set(self, instance_id: str, wanted: object) -> None:
        """ValueError for anything but a non-empty object of the two checks with statuses of EC2."""
        if not isinstance(wanted, dict) or not wanted or not wanted.keys() <= {"instance_status", "system_status"}:
            raise ValueError("expected an object with instance_status, system_status or both")
        for check, status in wanted.items():
            if status not in REACHABILITY:
                raise ValueError(f"{check} is {status!r}; expected one of {', '.join(REACHABILITY)}")
        if "instance_status" in wanted:
            self.instance[instance_id] = wanted["instance_status"]
        if "system_status" in wanted:
            self.system[instance_id] = wanted["system_status"]

    def have_commands(self, instance_id: str, wanted: object) -> None:
        """ValueError for anything but {status: Success | Failed}."""
        status = wanted.get("status") if isinstance(wanted, dict) else None
        if status not in COMMANDS:
            raise ValueError(f"expected an object with status: {' or '.join(COMMANDS)}")
        self.commands[instance_id] = status


def screenshots() -> None:
    """Give moto the operation that it lacks; once it has it, its own is used."""

    def get_console_screenshot(self: General) -> ActionResult:
        instance = self.ec2_backend.get_instance(self._get_param("InstanceId"))
        return ActionResult({"InstanceId": instance.id, "ImageData": SCREEN})

    if not hasattr(General, get_console_screenshot.__name__):
        setattr(General, get_console_screenshot.__name__, get_console_screenshot)


def commands_of(statuses: Statuses) -> None:
    """Make moto's commands come to what `statuses` says of their instances."""
    answer = Command.invocation_response

    def invocation_response(self: Command, instance_id: str, plugin_name: str) -> dict[str, Any]:
        status = statuses.commands.get(instance_id, "Success")
        return {**answer(self, instance_id, plugin_name), "Status": status, "StatusDetails": status}

    Command.invocation_response = invocation_response  # type: ignore[method-assign]  # moto's commands always succeed


def drive(statuses: Statuses) -> None:
    """Make moto's instances report `statuses`."""

    def check(known: dict[str, str]) -> property:
        def status(instance: Instance) -> dict[str, Any]:
            if instance.state_code != RUNNING:
                return {"Status": "not-applicable"}
            seen = known.get(instance.id, "ok")
            return {"Details": [{"Name": "reachability", "Status": REACHABILITY[seen]}], "Status": seen}

        return property(status)

    for name, known in (("instance_status", statuses.instance), ("system_status", statuses.system)):
        if not isinstance(vars(Instance).get(name), property):
            raise AttributeError(f"moto's Instance no longer has {name}; it is pinned for this reason")
        setattr(Instance, name, check(known))


def with_statuses(ec2: WSGI, statuses: Statuses) -> WSGI:
    """`ec2` behind the stage's own paths."""

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        if request.path == "/_stage/health":
            return Response(str(os.getpid()))(environ, start_response)
        if path := re.fullmatch(r"/_stage/instances/([^/]+)/(status|commands)", request.path):
            said = {"status": statuses.set, "commands": statuses.have_commands}[path[2]]
            try:
                said(path[1], json.loads(request.get_data()))
            except ValueError as error:
                return Response(f"{error}\n", 400)(environ, start_response)
            return Response(status=204)(environ, start_response)
        return ec2(environ, start_response)

    return application


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m stage.aws.ec2", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--parent", type=int, default=os.getppid(), help="the process to end with")
    parser.add_argument("--state", type=Path, help="the file that keeps everything; default: nothing is kept")
    given = parser.parse_args(argv)
    end_with(given.parent)
    statuses = Statuses({}, {})
    drive(statuses)
    commands_of(statuses)
    screenshots()
    nodes()
    if given.state is not None:  # Amazon's images, which nobody launches here, would be most of what is kept
        os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"
    memory = Memory(given.state, statuses.instance, statuses.system, statuses.commands)
    application = memory.around(with_statuses(DomainDispatcherApplication(create_backend_app), statuses))
    make_server(HOST, given.port, application, threaded=True, request_handler=MotoRequestHandler).serve_forever()


if __name__ == "__main__":
    main()
