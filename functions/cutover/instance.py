"""An EC2 instance as seen, with what it takes to recognise the service's own."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Instance:
    """One instance: DescribeInstances joined with DescribeInstanceStatus and the Name tags of its subnet and groups.

    `state`: pending, running, shutting-down, terminated, stopping or stopped. The two statuses are ok, impaired,
    initializing, insufficient-data or not-applicable; None when not reported. `groups`: id -> name; `subnet_name` and
    the names in `groups` come from Name tags (a group without one goes by its group name). `platform`: the operating
    system in EC2's words.
    """

    id: str
    state: str
    type: str | None = None
    subnet_id: str | None = None
    subnet_name: str | None = None
    groups: dict[str, str] = field(default_factory=dict)
    private_ips: tuple[str, ...] = ()
    public_ips: tuple[str, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)
    volumes: tuple[str, ...] = ()
    interfaces: tuple[str, ...] = ()
    instance_status: str | None = None
    system_status: str | None = None
    platform: str | None = None

    @property
    def gone(self) -> bool:
        """Whether nothing of it can serve or be charged any more."""
        return self.state == "terminated"

    @property
    def service_owned(self) -> str | None:
        """What the replication service keeps it for, if it is one of the service's own: never to be touched.

        A target may carry a user's Name that begins alike, so a target's own tag decides first (contract §6.2).
        """
        if "CloudEndure creation time" in self.tags:
            return None
        name = self.tags.get("Name", "")
        if name.startswith(("CloudEndure Machine Converter", "AWS Application Migration Service Conversion Server")):
            return "machine converter"
        replicators = ("CloudEndure Replication Server", "AWS Application Migration Service Replication Server")
        if name.startswith(replicators) or "CloudEndure_Replication_Service" in self.tags:
            return "replication server"
        return None
