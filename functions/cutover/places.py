"""Subnets and security groups by what a plan calls them: an id, or the value of the Name tag."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Place:
    """A subnet or a security group that exists."""

    id: str
    vpc: str


@dataclass(frozen=True)
class Places:
    """What EC2 knows under each word of a plan: nothing, one, or several of the same name."""

    subnets: Mapping[str, tuple[Place, ...]] = field(default_factory=dict)
    groups: Mapping[str, tuple[Place, ...]] = field(default_factory=dict)
