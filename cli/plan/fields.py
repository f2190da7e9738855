"""The kinds of text a plan is made of: each with its rule, its remedy, and its pattern in the published schema."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import AddressValueError, IPv4Address
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, GetCoreSchemaHandler, GetJsonSchemaHandler, WithJsonSchema
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

LONGEST_DURATION = 90 * 24 * 3600
"""Seconds. All the waits of a wave together stay within the year that an execution of a state machine may last."""

_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_DURATION = r"^(?=[0-9])([0-9]{1,9}d)?([0-9]{1,9}h)?([0-9]{1,9}m)?([0-9]{1,9}s)?$"
_INSTANT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2})$"
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def refusal(rule: str, remedy: str) -> PydanticCustomError:
    """What a validator raises: the words of the message are its context."""
    return PydanticCustomError("refused", "{rule}; {remedy}", {"rule": rule, "remedy": remedy})


@dataclass(frozen=True)
class Text:
    """Text of a given pattern (one that Python and ECMA-262 read alike) and length."""

    pattern: str
    rule: str
    remedy: str
    longest: int = 256

    def check(self, value: str) -> str:
        if len(value) > self.longest or not re.fullmatch(self.pattern, value):
            raise refusal(self.rule, self.remedy)
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "pattern": self.pattern, "maxLength": self.longest}


def seconds(duration: str) -> int:
    """Seconds of `1h30m`. ValueError for what is no duration."""
    if not (match := re.fullmatch(_DURATION, duration)):
        raise ValueError(f"{duration!r} is no duration")
    parts = (part for part in match.groups() if part)
    return sum(int(part[:-1]) * _UNITS[part[-1]] for part in parts)


def _check_duration(value: Any) -> Any:
    rule = "a duration is whole numbers with units d, h, m, s, the largest first: 7d, 1h30m, 30s"
    if isinstance(value, int) and not isinstance(value, bool):
        raise refusal(rule, f"add the unit: {value}s, {value}m, {value}h or {value}d")
    if isinstance(value, float):
        raise refusal(rule, "write it in whole numbers: 1h30m for one hour and a half")
    if not isinstance(value, str):
        raise refusal(rule, "write a duration")
    if clock := re.fullmatch(r"0*(\d{1,3}):(\d\d)(?::(\d\d))?", value):
        first, second = int(clock[1]), int(clock[2])
        raise refusal(rule, f"colons are for times of day: write {first}h{second}m or {first}m{second}s, as meant")
    try:
        length = seconds(value)
    except ValueError:
        raise refusal(rule, "write it like 30s, 5m, 1h30m or 7d") from None
    if not 1 <= length <= LONGEST_DURATION:
        raise refusal("a duration is at least 1s and at most 90d", "write one between")
    return value


def utc(instant: str) -> datetime:
    """An instant with an offset, in UTC. ValueError for what is none."""
    if not re.fullmatch(_INSTANT, instant):
        raise ValueError(f"{instant!r} is no instant")
    try:
        return datetime.fromisoformat(instant).astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{instant!r} is out of range") from error


def _check_instant(value: Any) -> Any:
    rule = "an instant is RFC 3339 with whole seconds and its offset from UTC: 2030-06-01T22:00:00+02:00"
    try:
        utc(value)
        return value
    except (TypeError, ValueError):
        pass
    try:
        given = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise refusal(rule, "write it like the example, with a date that exists") from None
    text = given.replace(microsecond=0).isoformat()
    remedy = (
        f"write {text}, with an offset that is right on that day"
        if given.tzinfo
        else f"add the offset, {text}+02:00 or {text}Z"
    )
    raise refusal(rule, remedy)


def _check_version(value: Any) -> Any:
    if type(value) is not int or value != 1:  # True and 1.0 equal 1
        raise refusal("only 1 is known", "write 1")
    return value


def _check_private_ip(value: Any) -> Any:
    try:
        return str(IPv4Address(value if isinstance(value, str) else ""))
    except AddressValueError:
        raise refusal("an IPv4 address", "write it like 10.0.1.15, no prefix length") from None


Version = Annotated[Literal[1], BeforeValidator(_check_version)]
Name = Annotated[
    str,
    Text(
        r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$",
        "a name is a-z, 0-9 and hyphens inside, at most 40 characters",
        "shorten or rename it: names of runs are made of it",
        40,
    ),
]
Line = Annotated[
    str, Text(r"^\S(.*\S)?$", "text on one line, at most 256 characters, no space around it", "correct the text")
]
Reason = Annotated[
    str,
    Text(
        r"^\S+([ \t]+\S+){2,}$", "a reason is a sentence: at least three words", "say why, for who reads it later", 1000
    ),
]
Region = Annotated[
    str,
    Text(r"^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$", "the code of an AWS region", "write a code such as eu-central-1", 32),
]
MachineId = Annotated[
    str,
    Text(f"^{UUID.pattern}$", "a service's machine id is a UUID", "copy the id, or give the source's `name` instead"),
]
ReplacedInstance = Annotated[
    str,
    Text(
        r"^(none|i-([0-9a-f]{8}|[0-9a-f]{17}))$",
        "an EC2 instance id (i- and 8 or 17 hexadecimal digits), or `none`",
        "copy the id that the refusal names",
        32,
    ),
]
InstanceType = Annotated[
    str,
    Text(r"^[a-z][a-z0-9-]*\.[a-z0-9-]+$", "an EC2 instance type", "write a type such as m5.large", 64),
]
Subnet = Annotated[
    str,
    Text(
        r"^(subnet-([0-9a-f]{8}|[0-9a-f]{17})|(?!subnet-)\S(.*\S)?)$",
        "a subnet is an id (subnet- and 8 or 17 hexadecimal digits) or the value of its Name tag",
        "correct the id, or name the subnet",
    ),
]
SecurityGroup = Annotated[
    str,
    Text(
        r"^(sg-([0-9a-f]{8}|[0-9a-f]{17})|(?!sg-)\S(.*\S)?)$",
        "a security group is an id (sg- and 8 or 17 hexadecimal digits) or the value of its Name tag",
        "correct the id, or name the group",
    ),
]
TagKey = Annotated[
    str,
    Text(
        r"^(?![Aa][Ww][Ss]:)(?![Cc][Uu][Tt][Oo][Vv][Ee][Rr]:).+$",
        "a tag's key has 1 to 128 characters and begins neither with aws: nor with cutover:",
        "rename the tag: aws: belongs to AWS, cutover: to the evidence of this tool",
        128,
    ),
]
TagValue = Annotated[str, Text(r"^.*$", "a tag's value is at most 256 characters on one line", "shorten it")]
Duration = Annotated[str, BeforeValidator(_check_duration), WithJsonSchema({"type": "string", "pattern": _DURATION})]
Instant = Annotated[
    str, BeforeValidator(_check_instant), WithJsonSchema({"type": "string", "pattern": _INSTANT, "format": "date-time"})
]
PrivateIp = Annotated[
    str,
    BeforeValidator(_check_private_ip),
    WithJsonSchema({"type": "string", "format": "ipv4", "pattern": r"^([0-9]{1,3}\.){3}[0-9]{1,3}$"}),
]
