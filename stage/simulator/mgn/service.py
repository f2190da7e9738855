"""MGN's API as a whole: whom it hears, what it makes of a request, and how answers and refusals are written."""

from __future__ import annotations

import json
import logging
from itertools import count

from botocore import xform_name
from werkzeug import Request, Response

from stage.simulator import others
from stage.simulator.cloud import Ec2Away, Ec2Refused
from stage.simulator.faults import Fault
from stage.simulator.mgn import words
from stage.simulator.mgn.account import Account
from stage.simulator.mgn.api import Api
from stage.simulator.mgn.errors import Refused, name_of
from stage.simulator.mgn.events import Event, News
from stage.simulator.mgn.model import Call, Json, Unmodelled, call_of, faults_of, service
from stage.simulator.world import World

logger = logging.getLogger(__name__)

UNPLAYED = 501
_READS = ("Describe", "Get", "List")


class Mgn:
    """One account's MGN in one region. `user`: in whose name jobs are entered in the books."""

    def __init__(self, world: World, user: str) -> None:
        self._world = world
        self._account = Account(world)
        self._api = Api(self._account, user)
        self._news = News(self._account)
        self._requests = count(1)

    def news(self) -> list[Event]:
        """What MGN tells by itself since it was asked last."""
        return self._news.gather()

    def hears(self, request: Request) -> Call | None:
        """The call that a request is; None if MGN has no such operation."""
        return call_of(request)

    def names(self, call: Call) -> list[tuple[str, str]]:
        """What a fault may call the request: as a client of CloudEndure would make it, and as it is."""
        try:
            sent = call.sent()
        except Refused:
            sent = {}
        return [words.same_as(call.name, sent), (call.request.method, call.request.path)]

    def changes(self, call: Call) -> bool:
        """Whether the call may have changed something."""
        return not call.name.startswith(_READS)

    def fault(self, call: Call, fault: Fault) -> Fault:
        """The fault with what it changes in an answer in MGN's words."""
        if fault.answer is None:
            return fault
        return fault.model_copy(update={"answer": words.in_answer(call.name, fault.answer)})

    def answer(self, call: Call) -> Response:
        """Carry out one call. The first that anybody signs opens the world."""
        if not call.request.headers.get("Authorization"):
            return self._error(
                call, 403, "MissingAuthenticationTokenException", {"message": "Missing Authentication Token"}
            )
        others.come_in(self._world)
        operation = getattr(self._api, xform_name(call.name), None)
        if operation is None:
            body = {"message": f"The simulator does not play {call.name}"}
            return self._error(call, UNPLAYED, "NotImplementedException", body)
        try:
            answer = self._account.as_described(call.answered(operation(call.asked())))
        except Refused as refused:
            return self._refused(call, refused)
        except (Ec2Away, Ec2Refused) as error:
            return self._error(call, 500, "InternalServerException", {"message": f"EC2: {error}"})
        return self._written(call, int(call.operation.http["responseCode"]), answer)

    def named(self, response: Response) -> Response:
        """An error from something in between, as an AWS client wants it: with its name."""
        if response.status_code >= 400 and "x-amzn-errortype" not in response.headers:
            response.headers["x-amzn-errortype"] = name_of(response.status_code)
        return response

    def _refused(self, call: Call, refused: Refused) -> Response:
        """As the model has it: an operation says what it lists, and in place of an unlisted error one it does list."""
        name = refused.name
        for listed in (name, "ConflictException", "ValidationException"):
            if call.may_say(listed):
                name = listed
                break
        shape = service().shape_for(name)
        members = getattr(shape, "members", {})
        body = {member: value for member, value in refused.body.items() if member in members}
        wrong = faults_of(body, shape)
        if wrong:
            raise Unmodelled(f"{name}: {'; '.join(wrong)}")
        return self._error(call, int(shape.metadata["error"]["httpStatusCode"]), name, body)

    def _error(self, call: Call, status: int, name: str, body: Json) -> Response:
        """An error as rest-json has it."""
        response = self._written(call, status, {"__type": name, **body})
        response.headers["x-amzn-errortype"] = name
        return response

    def _written(self, call: Call, status: int, body: Json) -> Response:
        response = Response(json.dumps(body), status=status, content_type="application/json")
        response.headers["x-amzn-requestid"] = self._world.identity.uuid("request", next(self._requests))
        return response
