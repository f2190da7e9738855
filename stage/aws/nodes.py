"""Systems Manager's nodes, which moto does not have: those that a plan's steps send commands to are somebody's servers,
and the stage plays them. Whoever is asked for is online, and allowed commands by its owner's tag."""

from __future__ import annotations

from moto.core.responses import ActionResult
from moto.ssm.models import SimpleSystemManagerBackend
from moto.ssm.responses import SimpleSystemManagerResponse

from cutover.planned_night import NODE_ALLOWED, NODE_TAG

_OF_NODES = "ManagedInstance"


def nodes() -> None:
    """Give moto the operation that it lacks, and the nodes' tags; once it has the operation, its own is used."""

    def describe_instance_information(self: SimpleSystemManagerResponse) -> ActionResult:
        asked = [each for given in self._get_param("Filters", []) for each in given["Values"]]
        return ActionResult(
            {"InstanceInformationList": [{"InstanceId": each, "PingStatus": "Online"} for each in asked]}
        )

    if hasattr(SimpleSystemManagerResponse, describe_instance_information.__name__):
        return
    setattr(SimpleSystemManagerResponse, describe_instance_information.__name__, describe_instance_information)
    answer = SimpleSystemManagerBackend.list_tags_for_resource

    def list_tags_for_resource(
        self: SimpleSystemManagerBackend, resource_type: str, resource_id: str
    ) -> dict[str, str]:
        if resource_type == _OF_NODES:
            return {NODE_TAG: NODE_ALLOWED}
        return answer(self, resource_type, resource_id)

    SimpleSystemManagerBackend.list_tags_for_resource = list_tags_for_resource  # type: ignore[method-assign]  # see above
