"""EC2: what targets look like, tags on them, and their protection. Nothing is ever started or terminated here, and
nothing stopped but a target that came after everybody had given it up, or whose cutover is taken back."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from cutover import clients
from cutover.errors import Ec2Unavailable
from cutover.instance import Instance
from cutover.places import Place, Places

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

# The most of one filter's values, of ids in one status request, and of resources in one CreateTags (EC2 API).
FILTER_VALUES = 200
_STATUS_IDS = 100
_TAG_RESOURCES = 1000
# Asking for each instance alone would be refused in the same words.
FORBIDDEN = ("UnauthorizedOperation", "AccessDenied")


class Ec2:
    """The instances of one region. `requests` counts what was asked, by operation."""

    def __init__(self, region: str, client: EC2Client | None = None) -> None:
        self._client = client or clients.client("ec2", region)
        self.requests: Counter[str] = Counter()

    def instances(self, ids: Collection[str]) -> dict[str, Instance]:
        """By id, those that EC2 knows. Unknown ids are simply absent: by filter, one of them fails no other."""
        described: dict[str, dict[str, Any]] = {}
        for some in batches(sorted(ids), FILTER_VALUES):
            self.requests["ec2 DescribeInstances"] += 1
            pages = self._client.get_paginator("describe_instances").paginate(
                Filters=[{"Name": "instance-id", "Values": some}]
            )
            with _translated("DescribeInstances"):
                for page in pages:
                    for reservation in page["Reservations"]:
                        described.update({each["InstanceId"]: dict(each) for each in reservation["Instances"]})
        statuses = self._statuses([key for key, each in described.items() if each["State"]["Name"] != "terminated"])
        subnets = self._subnet_names({each["SubnetId"] for each in described.values() if each.get("SubnetId")})
        groups = self._group_names({group for each in described.values() for group in _groups(each)})
        return {
            key: _instance(each, statuses.get(key, (None, None)), subnets, groups) for key, each in described.items()
        }

    def protected(self, ids: Iterable[str]) -> dict[str, bool]:
        """Whether each has termination protection: one request for each. Those that EC2 does not know are left out."""
        found: dict[str, bool] = {}
        for instance in sorted(ids):
            self.requests["ec2 DescribeInstanceAttribute"] += 1
            try:
                with _translated("DescribeInstanceAttribute"):
                    answer = self._client.describe_instance_attribute(
                        InstanceId=instance, Attribute="disableApiTermination"
                    )
            except ClientError as error:
                if error.response["Error"]["Code"] != "InvalidInstanceID.NotFound":
                    raise
                continue
            found[instance] = bool(answer["DisableApiTermination"].get("Value"))
        return found

    def isolate(self, instance: Instance, tags: Mapping[str, str]) -> str | None:
        """Tag an instance and stop it, so that nothing of it serves and nothing is lost; why EC2 refused, if it did."""
        try:
            self.requests["ec2 CreateTags"] += 1
            with _translated("CreateTags"):
                self._client.create_tags(
                    Resources=[instance.id], Tags=[{"Key": key, "Value": value} for key, value in sorted(tags.items())]
                )
            self.requests["ec2 StopInstances"] += 1
            with _translated("StopInstances"):
                self._client.stop_instances(InstanceIds=[instance.id])
        except ClientError as error:
            return str(error)
        return None

    def protect(self, instance: str) -> str | None:
        """Put termination protection on; why EC2 refused, if it did."""
        self.requests["ec2 ModifyInstanceAttribute"] += 1
        try:
            with _translated("ModifyInstanceAttribute"):
                self._client.modify_instance_attribute(InstanceId=instance, DisableApiTermination={"Value": True})
        except ClientError as error:
            return str(error)
        return None

    def from_snapshots(self, volumes: Collection[str]) -> set[str]:
        """Those that were made from a snapshot: their blocks come from it when they are first read."""
        found: set[str] = set()
        for some in batches(sorted(volumes), FILTER_VALUES):
            self.requests["ec2 DescribeVolumes"] += 1
            pages = self._client.get_paginator("describe_volumes").paginate(
                Filters=[{"Name": "volume-id", "Values": some}]
            )
            with _translated("DescribeVolumes"):
                found |= {each["VolumeId"] for page in pages for each in page["Volumes"] if each.get("SnapshotId")}
        return found

    def console(self, instance: str) -> tuple[bytes | None, bytes | None]:
        """What its console says, and how its screen looks (JPEG), as far as they can be had: no verdict needs them."""
        self.requests["ec2 GetConsoleOutput"] += 1
        self.requests["ec2 GetConsoleScreenshot"] += 1
        output = screen = None
        with suppress(BotoCoreError, ClientError):
            output = self._client.get_console_output(InstanceId=instance).get("Output", "").encode()
        with suppress(BotoCoreError, ClientError):
            screen = base64.b64decode(self._client.get_console_screenshot(InstanceId=instance).get("ImageData", ""))
        return output or None, screen or None

    def tag(self, instances: Sequence[Instance], tags: Mapping[str, str]) -> dict[str, str]:
        """Put these tags on the instances, their volumes and their interfaces. Putting them twice changes nothing.

        The instances that EC2 refused to tag, with its words: one that is going away keeps no other from its tags.
        """
        # The instances last: their tags then mean that the rest has its own.
        attached = [each for seen in instances for each in (*seen.volumes, *seen.interfaces)]
        resources = [*attached, *(seen.id for seen in instances)]
        given: list[Any] = [{"Key": key, "Value": value} for key, value in sorted(tags.items())]
        try:
            for some in batches(resources, _TAG_RESOURCES):
                self.requests["ec2 CreateTags"] += 1
                with _translated("CreateTags"):
                    self._client.create_tags(Resources=some, Tags=given)
        except ClientError as error:
            if len(instances) == 1 or error.response["Error"]["Code"] in FORBIDDEN:
                return {each.id: str(error) for each in instances}
            return {key: words for each in instances for key, words in self.tag([each], tags).items()}
        return {}

    def places(self, subnets: Collection[str], groups: Collection[str]) -> Places:
        """What there is under each of these words: an id, or a Name tag, or a group's name where it has no Name tag.

        At most two requests for up to 200 subnets, three for up to 200 groups; none for none.
        """
        called = _called(self._found_subnets(subnets), "SubnetId")
        known = _called(self._found_groups(groups), "GroupId")
        return Places(
            subnets={word: tuple(called.get(word, ())) for word in subnets},
            groups={word: tuple(known.get(word, ())) for word in groups},
        )

    def _found_subnets(self, words: Collection[str]) -> Iterator[dict[str, Any]]:
        for name, values in _filters(words, "subnet-", "subnet-id", "tag:Name"):
            self.requests["ec2 DescribeSubnets"] += 1
            pages = self._client.get_paginator("describe_subnets").paginate(Filters=[{"Name": name, "Values": values}])
            with _translated("DescribeSubnets"):
                yield from (dict(each) for page in pages for each in page["Subnets"])

    def _found_groups(self, words: Collection[str]) -> Iterator[dict[str, Any]]:
        for name, values in _filters(words, "sg-", "group-id", "tag:Name", "group-name"):
            self.requests["ec2 DescribeSecurityGroups"] += 1
            pages = self._client.get_paginator("describe_security_groups").paginate(
                Filters=[{"Name": name, "Values": values}]
            )
            with _translated("DescribeSecurityGroups"):
                yield from (dict(each) for page in pages for each in page["SecurityGroups"])

    def _statuses(self, ids: Sequence[str]) -> dict[str, tuple[str | None, str | None]]:
        found: dict[str, tuple[str | None, str | None]] = {}
        for some in batches(sorted(ids), _STATUS_IDS):
            self.requests["ec2 DescribeInstanceStatus"] += 1
            try:
                with _translated("DescribeInstanceStatus"):
                    answer = self._client.describe_instance_status(InstanceIds=some, IncludeAllInstances=True)
            except ClientError as error:
                # One of them vanished since it was described; the next look does without it.
                if error.response["Error"]["Code"] != "InvalidInstanceID.NotFound":
                    raise
                continue
            for each in answer["InstanceStatuses"]:
                found[each["InstanceId"]] = (each["InstanceStatus"].get("Status"), each["SystemStatus"].get("Status"))
        return found

    def _subnet_names(self, ids: Collection[str]) -> dict[str, str]:
        names: dict[str, str] = {}
        for some in batches(sorted(ids), FILTER_VALUES):
            self.requests["ec2 DescribeSubnets"] += 1
            with _translated("DescribeSubnets"):
                answer = self._client.describe_subnets(Filters=[{"Name": "subnet-id", "Values": some}])
            names.update({each["SubnetId"]: _tags(each).get("Name", "") for each in answer["Subnets"]})
        return names

    def _group_names(self, ids: Collection[str]) -> dict[str, str]:
        names: dict[str, str] = {}
        for some in batches(sorted(ids), FILTER_VALUES):
            self.requests["ec2 DescribeSecurityGroups"] += 1
            with _translated("DescribeSecurityGroups"):
                answer = self._client.describe_security_groups(Filters=[{"Name": "group-id", "Values": some}])
            names.update(
                {each["GroupId"]: _tags(each).get("Name") or each["GroupName"] for each in answer["SecurityGroups"]}
            )
        return names


@contextmanager
def _translated(operation: str) -> Iterator[None]:
    """What asking again may cure is Ec2Unavailable; a refusal stays what botocore made of it."""
    try:
        yield
    except BotoCoreError as error:
        raise Ec2Unavailable(f"{operation}: {error}") from error
    except ClientError as error:
        if not clients.asks_for_patience(error):
            raise
        raise Ec2Unavailable(f"{operation}: {error}") from error


def _instance(
    seen: Mapping[str, Any], status: tuple[str | None, str | None], subnets: Mapping[str, str], names: Mapping[str, str]
) -> Instance:
    interfaces = seen.get("NetworkInterfaces", [])
    private = [each["PrivateIpAddress"] for one in interfaces for each in one.get("PrivateIpAddresses", [])]
    public = [one["Association"]["PublicIp"] for one in interfaces if one.get("Association", {}).get("PublicIp")]
    return Instance(
        id=seen["InstanceId"],
        state=seen["State"]["Name"],
        type=seen.get("InstanceType"),
        subnet_id=seen.get("SubnetId"),
        subnet_name=subnets.get(seen.get("SubnetId", "")) or None,
        groups={group: names.get(group, "") for group in _groups(seen)},
        private_ips=tuple(dict.fromkeys([*private, *filter(None, [seen.get("PrivateIpAddress")])])),
        public_ips=tuple(dict.fromkeys([*public, *filter(None, [seen.get("PublicIpAddress")])])),
        tags=_tags(seen),
        volumes=tuple(each["Ebs"]["VolumeId"] for each in seen.get("BlockDeviceMappings", []) if "Ebs" in each),
        interfaces=tuple(one["NetworkInterfaceId"] for one in interfaces),
        instance_status=status[0],
        system_status=status[1],
        platform=seen.get("PlatformDetails") or seen.get("Platform"),
    )


def _filters(words: Collection[str], prefix: str, by_id: str, *by_name: str) -> Iterator[tuple[str, list[str]]]:
    """The filters that find these words, in batches: what begins with the prefix is an id."""
    ids = sorted(word for word in words if word.startswith(prefix))
    for name, values in ((by_id, ids), *((each, sorted({*words} - {*ids})) for each in by_name)):
        yield from ((name, some) for some in batches(values, FILTER_VALUES))


def _called(found: Iterable[Mapping[str, Any]], id_key: str) -> dict[str, list[Place]]:
    """By id and by name, each once: a filter's values are patterns, and a group may be found in two ways."""
    called: dict[str, list[Place]] = {}
    for place_id, each in {each[id_key]: each for each in found}.items():
        for word in (place_id, _tags(each).get("Name") or each.get("GroupName", "")):
            called.setdefault(word, []).append(Place(place_id, each.get("VpcId", "")))
    return called


def _groups(seen: Mapping[str, Any]) -> list[str]:
    """Of all its interfaces; the instance's own list speaks of the first interface only."""
    places = [seen, *seen.get("NetworkInterfaces", [])]
    listed = [
        group["GroupId"] for place in places for key in ("SecurityGroups", "Groups") for group in place.get(key, [])
    ]
    return list(dict.fromkeys(listed))


def _tags(seen: Mapping[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in seen.get("Tags", [])}


def batches(values: Iterable[str], size: int) -> Iterator[list[str]]:
    """As many lists of at most `size` as it takes."""
    rest = iter(values)
    while batch := list(islice(rest, size)):
        yield batch
