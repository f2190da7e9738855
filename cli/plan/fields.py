"""The kinds of text a plan is made of: each with its rule, its remedy, and its pattern in the published schema."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import AddressValueError, IPv4Address
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, urlsplit

from pydantic import BeforeValidator, GetCoreSchemaHandler, GetJsonSchemaHandler, WithJsonSchema
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from cutover.planned_night import FUNCTIONS, SECRETS

LONGEST_DURATION = 90 * 24 * 3600
"""Seconds. All the waits of a wave together stay within the year that an execution of a state machine may last."""

_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_DURATION = r"^(?=[0-9])([0-9]{1,9}d)?([0-9]{1,9}h)?([0-9]{1,9}m)?([0-9]{1,9}s)?$"
INSTANT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2})$"
_ADDRESS = r"^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?):[1-9][0-9]{0,4}$"
_SIZE = r"^[0-9]{1,6}(B|KiB|MiB|GiB|TiB)$"
_UNITS_OF_SIZE = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_URL = r"^https?://[A-Za-z0-9\[][^\s/?#@\\]*([/?#]\S*)?$"
_TARGET_URL = r"^https?://\{ip\}(:[1-9][0-9]{0,4})?([/?]\S*)?$"
_SECRET = re.compile(r"token|secret|passw|pwd|signature|credential|api[-_]?key|^key$|^sig$", re.IGNORECASE)
IDS = {
    "cloudendure": re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
    "mgn": re.compile(r"s-[0-9a-f]{17}"),
}
"""How each service's ids of machines are written."""


def refusal(rule: str, remedy: str, seen: str | None = None) -> PydanticCustomError:
    """What a validator raises: the words of the message are its context. `seen`: told in place of the value."""
    return PydanticCustomError("refused", "{rule}; {remedy}", {"rule": rule, "remedy": remedy, "seen": seen})


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


def check_duration(value: Any) -> Any:
    """A duration as it is written; what is none is refused."""
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


def size_in_bytes(size: str) -> int:
    """Bytes of `2GiB`. ValueError for what is no size."""
    if not (match := re.fullmatch(_SIZE, size)):
        raise ValueError(f"{size!r} is no size")
    return int(size.removesuffix(match[1])) * _UNITS_OF_SIZE[match[1]]


def _check_size(value: Any) -> Any:
    rule = "a size is a whole number with its unit, B, KiB, MiB, GiB or TiB: 512MiB, 2GiB"
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise refusal(rule, f"add the unit: {value}MiB or {value}GiB, as meant, in whole numbers")
    try:
        size_in_bytes(value)
    except (TypeError, ValueError):
        raise refusal(rule, "write it like 512MiB or 2GiB, without a space") from None
    return value


def _check_url(value: Any) -> Any:
    rule = "a URL begins with http:// or https:// and a host, and holds no user, password or token"
    try:
        parts = urlsplit(value if isinstance(value, str) else "")
        fits = re.fullmatch(_URL, str(value)) and len(value) <= 2000 and (parts.port is None or parts.port > 0)
    except ValueError:
        raise refusal(rule, "correct the host or the port") from None
    if "@" in parts.netloc or any(_SECRET.search(name) for name, _ in parse_qsl(parts.query, keep_blank_values=True)):
        seen = "a URL with a secret in it"  # not the URL: it would be told to everybody who reads the message
        raise refusal(rule, "take it out; a webhook names the secret that it sends with `secret`", seen)
    if not fits:
        raise refusal(rule, "write it like https://shop.example.com/health")
    return value


def _check_target_url(value: Any) -> Any:
    """A URL in which {ip} stands for an address."""
    if not isinstance(value, str) or not re.fullmatch(_TARGET_URL, value):
        raise refusal("a URL of the target, with {ip} for its address", "write it like http://{ip}/health")
    _check_url(value.replace("{ip}", "10.0.0.1"))
    return value


def json_values(value: Any) -> Any:
    """What can be sent as JSON: a mapping, and no number in it that JSON has not."""
    if not isinstance(value, dict):
        raise refusal("a mapping of keys to values", "write `key: value` below it, indented")
    if not _finite(value):
        raise refusal("JSON has no .inf and no .nan", "write numbers, or text in quotes")
    return value


def _finite(value: Any) -> bool:
    if isinstance(value, dict | list):
        return all(_finite(each) for each in (value.values() if isinstance(value, dict) else value))
    return not isinstance(value, float) or math.isfinite(value)


def _check_address(value: Any) -> Any:
    rule = "a host and a port, 1 to 65535: db01.example.com:5432"
    if not isinstance(value, str) or not re.fullmatch(_ADDRESS, value) or int(value.rpartition(":")[2]) > 65535:
        raise refusal(rule, "write host:port; an IPv6 address stands in brackets")
    return value


def utc(instant: str) -> datetime:
    """An instant with an offset, in UTC. ValueError for what is none."""
    if not re.fullmatch(INSTANT, instant):
        raise ValueError(f"{instant!r} is no instant")
    try:
        return datetime.fromisoformat(instant).astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{instant!r} is out of range") from error


def check_instant(value: Any) -> Any:
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
Instruction = Annotated[
    str,
    Text(r"^\S(.*\S)?$", "text on one line, at most 1000 characters, no space around it", "correct the text", 1000),
]
Document = Annotated[
    str,
    Text(r"^[a-zA-Z0-9_.:/-]{3,200}$", "the name or ARN of an SSM document", "write a name such as stop-web", 200),
]
Node = Annotated[
    str,
    Text(
        r"^(i-([0-9a-f]{8}|[0-9a-f]{17})|mi-[0-9a-f]{17})$",
        "the id of an EC2 instance (i-…) or of a managed node (mi-…)",
        "copy the id from Systems Manager's fleet manager",
        32,
    ),
]
FunctionName = Annotated[
    str,
    Text(
        rf"^(arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{{12}}:function:)?{FUNCTIONS}[a-zA-Z0-9_-]+(:(\$LATEST|[a-zA-Z0-9_-]+))?$",
        f"the name or ARN of a Lambda function whose name begins with {FUNCTIONS}: Cutover may invoke no other",
        "write a name such as cutover-dns-switch, and call the function so",
        170,
    ),
]
SecretName = Annotated[
    str,
    Text(
        rf"^{SECRETS}[a-zA-Z0-9/_+=.@-]+$",
        f"the name of a secret begins with {SECRETS}: Cutover may read no other",
        "write a name such as cutover/lb, and call the secret so",
    ),
]
Region = Annotated[
    str,
    Text(r"^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$", "the code of an AWS region", "write a code such as eu-central-1", 32),
]
MachineId = Annotated[
    str,
    Text(
        f"^({'|'.join(each.pattern for each in IDS.values())})$",
        "a machine's id is a UUID with CloudEndure, and s- and 17 hexadecimal digits with MGN",
        "copy the id, or give the source's `name` instead",
    ),
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
SourceTagKey = Annotated[str, Text(r"^.+$", "a tag's key has 1 to 128 characters", "copy the key", 128)]
TagValue = Annotated[str, Text(r"^.*$", "a tag's value is at most 256 characters on one line", "shorten it")]
Duration = Annotated[str, BeforeValidator(check_duration), WithJsonSchema({"type": "string", "pattern": _DURATION})]
Instant = Annotated[
    str, BeforeValidator(check_instant), WithJsonSchema({"type": "string", "pattern": INSTANT, "format": "date-time"})
]
PrivateIp = Annotated[
    str,
    BeforeValidator(_check_private_ip),
    WithJsonSchema({"type": "string", "format": "ipv4", "pattern": r"^([0-9]{1,3}\.){3}[0-9]{1,3}$"}),
]
Size = Annotated[str, BeforeValidator(_check_size), WithJsonSchema({"type": "string", "pattern": _SIZE})]
Address = Annotated[str, BeforeValidator(_check_address), WithJsonSchema({"type": "string", "pattern": _ADDRESS})]
TargetUrl = Annotated[
    str, BeforeValidator(_check_target_url), WithJsonSchema({"type": "string", "pattern": _TARGET_URL})
]
Url = Annotated[
    str, BeforeValidator(_check_url), WithJsonSchema({"type": "string", "pattern": _URL, "maxLength": 2000})
]
