"""What a run will want of the AWS account, by read-only requests alone: EC2, quotas, keys, profiles and nodes."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from cutover import clients
from cutover.looks import Looks
from cutover.placement import Placement
from cutover.preflight_capacity import CONVERTER, STORAGE, quota_of, stored
from cutover.survey_ec2 import Ec2Survey
from cutover.survey_nodes import NodeSurvey
from cutover.surveyed import Account, Unseen
from cutover.terms import ReplicationSettings

_QUOTA = (
    ("servicequotas:GetServiceQuota", "get_service_quota"),
    (
        "servicequotas:GetAWSDefaultServiceQuota",
        "get_aws_default_service_quota",
    ),  # where the account's own was never set
)


class AccountSurvey:
    """One region of one account. `client`: makes the boto3 client of a service, by name and region."""

    def __init__(self, region: str, client: Any = clients.client) -> None:
        self._region, self._client = region, client
        self.looks = Looks()

    def look(
        self,
        placements: Collection[Placement],
        settings: ReplicationSettings | None,
        nodes: Collection[str] = (),
        mgns: Collection[str] = (),
    ) -> Account:
        """All that is wanted for these targets, for the service's own machines, and of nodes that are sent commands.

        `mgns`: the quotas of MGN that are asked for, by code.
        """
        ec2 = Ec2Survey(self._client("ec2", self._region), self.looks)
        staging = [settings.subnet] if settings and settings.subnet else []
        replicators = settings.security_groups if settings else ()
        subnets = ec2.subnets([*_named(each.subnet for each in placements), *staging], staging)
        groups = [*(one for each in placements for one in each.security_groups), *replicators]
        converter = (settings.converter_type if settings else None) or CONVERTER
        types = [*_named(each.instance_type for each in placements), converter]
        instances, vcpus = ec2.instances(types)
        stores = stored(tuple(placements))
        quotas = self._quotas({*filter(None, map(quota_of, types))}, {*stores} & {*STORAGE}, mgns)
        if any(each.volumes is None for each in placements):
            what = "what the plan leaves to launch configurations: subnets, types, addresses, profiles, volumes"
            self.looks.unseen.append(Unseen("launch configurations", what, "they were not read", denied=False))
        return Account(
            subnets=subnets,
            groups=ec2.groups(groups),
            addresses=ec2.addresses(_named(each.private_ip for each in placements)),
            offered=ec2.offered(types, {each.zone for each in (subnets or {}).values()}),
            vcpus=vcpus,
            instances=instances,
            volumes=ec2.volumes([each for each in stores if STORAGE.get(each) in quotas]),
            quotas=quotas,
            keys=self._keys([settings.key] if settings and settings.key else []),
            profiles=self._profiles(_named(each.instance_profile for each in placements)),
            nodes=NodeSurvey(self._client("ssm", self._region), self.looks).nodes(nodes, instances) if nodes else {},
        )

    def _quotas(self, classes: Collection[str], types: Collection[str], mgns: Collection[str]) -> dict[str, float]:
        """By code, those that AWS names."""
        wanted = [("ec2", code, "quotas of vCPUs") for code in sorted(classes)]
        wanted += [("ebs", STORAGE[each], "quotas of EBS storage") for each in sorted(types)]
        wanted += [("mgn", code, "quotas of MGN") for code in mgns]
        found = {code: self._quota(service, code, what) for service, code, what in wanted}
        return {code: value for code, value in found.items() if value is not None}

    def _quota(self, service: str, code: str, what: str) -> float | None:
        quotas = self._client("service-quotas", self._region)
        for action, operation in _QUOTA:
            ask = partial(getattr(quotas, operation), ServiceCode=service, QuotaCode=code)
            try:
                seen = self.looks.at(action, what, ask, absent=("NoSuchResourceException",))
            except ClientError:
                continue
            return None if seen is None else float(seen["Quota"]["Value"])
        self.looks.unseen.append(Unseen("servicequotas:GetServiceQuota", what, "AWS names no such quota", denied=False))
        return None

    def _keys(self, wanted: Collection[str]) -> dict[str, str | None]:
        found: dict[str, str | None] = {}
        for key in wanted:
            ask = partial(self._client("kms", self._region).describe_key, KeyId=key)
            try:
                seen = self.looks.at("kms:DescribeKey", "the volumes' key", ask, absent=("NotFoundException",))
            except ClientError:
                found[key] = None
                continue
            if seen is not None:
                found[key] = seen["KeyMetadata"]["KeyState"]
        return found

    def _profiles(self, wanted: Collection[str]) -> dict[str, bool | None]:
        found: dict[str, bool | None] = {}
        for name in sorted(wanted):
            ask = partial(self._client("iam", self._region).get_instance_profile, InstanceProfileName=name)
            try:
                seen = self.looks.at("iam:GetInstanceProfile", "instance profiles", ask, absent=("NoSuchEntity",))
            except ClientError:
                found[name] = None
                continue
            if seen is not None:
                found[name] = bool(seen["InstanceProfile"]["Roles"])
        return found


def _named(values: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(each for each in values if each))
