"""Reading what `cdk synth` wrote: which files go where, and which template makes the stack.

Formats: the schemas of @aws-cdk/cloud-assembly-schema (`manifest.json`, `*.assets.json`).
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STACK = "aws:cloudformation:stack"
ASSETS = "cdk:asset-manifest"
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The oldest time a zip can hold: the same directory is always the same bytes."""


class AssemblyUnusable(ValueError):
    """The directory is no cloud assembly, or not one the stage can deploy."""


@dataclass(frozen=True)
class Place:
    """What the placeholders in asset names stand for."""

    account: str
    region: str
    partition: str = "aws"

    def fill(self, text: str) -> str:
        return (
            text.replace("${AWS::AccountId}", self.account)
            .replace("${AWS::Region}", self.region)
            .replace("${AWS::Partition}", self.partition)
        )


@dataclass(frozen=True)
class Upload:
    """One file asset, ready for its bucket."""

    bucket: str
    key: str
    content: bytes


@dataclass(frozen=True)
class Stack:
    """A stack of the assembly: its name, where its template is uploaded, and the manifests of its assets."""

    name: str
    template_bucket: str
    template_key: str
    asset_manifests: tuple[Path, ...]


def read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise AssemblyUnusable(f"{path} does not exist; synthesize the app first") from None
    except ValueError as error:
        raise AssemblyUnusable(f"{path} is not JSON: {error}") from error


def find_stack(assembly: Path, place: Place, name: str | None = None) -> Stack:
    """The stack called `name` (its name or its id), or the only one. AssemblyUnusable says what there is instead."""
    artifacts = read_json(assembly / "manifest.json").get("artifacts", {})
    stacks = {key: artifact for key, artifact in artifacts.items() if artifact["type"] == STACK}
    names = {key: artifact.get("properties", {}).get("stackName", key) for key, artifact in stacks.items()}
    found = [key for key in stacks if name is None or name in (key, names[key])]
    if len(found) != 1:
        raise AssemblyUnusable(f"{assembly} has the stacks {sorted(names.values())}; name one (asked for: {name})")
    artifact = stacks[found[0]]
    location = place.fill(artifact["properties"].get("stackTemplateAssetObjectUrl", ""))
    if not location.startswith("s3://"):
        raise AssemblyUnusable(
            f"stack {names[found[0]]} of {assembly} does not upload its template; "
            "synthesize with CDK's DefaultStackSynthesizer"
        )
    bucket, _, key = location.removeprefix("s3://").partition("/")
    manifests = tuple(
        assembly / artifacts[needed]["properties"]["file"]
        for needed in artifact.get("dependencies", [])
        if artifacts[needed]["type"] == ASSETS
    )
    return Stack(names[found[0]], bucket, key, manifests)


def packed(directory: Path) -> bytes:
    """`directory` as CDK zips it, always the same bytes for the same files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in directory.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(directory).as_posix(), EPOCH)
            entry.external_attr = (path.stat().st_mode & 0o777) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())
    return buffer.getvalue()


def uploads(stack: Stack, place: Place) -> Iterator[Upload]:
    """Every file asset of `stack`, the template among them. AssemblyUnusable for an image or a missing file."""
    for manifest in stack.asset_manifests:
        assets = read_json(manifest)
        if assets.get("dockerImages"):
            raise AssemblyUnusable(f"{manifest.name} has container images; the stage runs zipped functions only")
        for asset in assets.get("files", {}).values():
            source = asset["source"]
            if "path" not in source:
                raise AssemblyUnusable(f"{manifest.name} builds an asset by {source}; the stage runs no build commands")
            path = manifest.parent / source["path"]
            if not path.exists():
                raise AssemblyUnusable(f"{path}, an asset of {manifest.name}, does not exist; synthesize the app again")
            content = packed(path) if source.get("packaging", "file") == "zip" else path.read_bytes()
            for destination in asset["destinations"].values():
                yield Upload(place.fill(destination["bucketName"]), place.fill(destination["objectKey"]), content)
