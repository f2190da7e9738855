"""Reading a cloud assembly: what is uploaded where, and what cannot be."""

from __future__ import annotations

import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from stage.aws.assembly import AssemblyUnusable, Place, find_stack, packed, uploads

PLACE = Place("123456789012", "us-west-2")
BUCKET = "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"


def assembly(directory: Path, *names: str, assets: dict[str, Any] | None = None) -> Path:
    artifacts: dict[str, Any] = {}
    for name in names:
        artifacts[f"{name}.assets"] = {"type": "cdk:asset-manifest", "properties": {"file": f"{name}.assets.json"}}
        artifacts[name] = {
            "type": "aws:cloudformation:stack",
            "properties": {"stackTemplateAssetObjectUrl": f"s3://{BUCKET}/{name}.json"},
            "dependencies": [f"{name}.assets"],
        }
        (directory / f"{name}.assets.json").write_text(json.dumps(assets or {}), encoding="utf-8")
    (directory / "manifest.json").write_text(json.dumps({"artifacts": artifacts}), encoding="utf-8")
    return directory


def asset(**source: Any) -> dict[str, Any]:
    return {"files": {"a": {"source": source, "destinations": {"d": {"bucketName": BUCKET, "objectKey": "k"}}}}}


def test_the_only_stack_needs_no_name_and_placeholders_are_filled(tmp_path: Path) -> None:
    stack = find_stack(assembly(tmp_path, "One"), PLACE)
    assert (stack.name, stack.template_key) == ("One", "One.json")
    assert stack.template_bucket == "cdk-hnb659fds-assets-123456789012-us-west-2"


def test_one_of_several_stacks_is_named(tmp_path: Path) -> None:
    two = assembly(tmp_path, "One", "Two")
    assert find_stack(two, PLACE, "Two").name == "Two"
    for wrong in (None, "Three"):
        with pytest.raises(AssemblyUnusable, match=r"has the stacks \['One', 'Two'\]"):
            find_stack(two, PLACE, wrong)


def test_no_assembly_says_to_synthesize(tmp_path: Path) -> None:
    with pytest.raises(AssemblyUnusable, match=r"manifest\.json does not exist; synthesize"):
        find_stack(tmp_path, PLACE)


def test_a_directory_is_always_packed_to_the_same_bytes(tmp_path: Path) -> None:
    for name in ("b.py", "a.py"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    first = packed(tmp_path)
    os.utime(tmp_path / "a.py", (1, 1))
    assert packed(tmp_path) == first
    assert zipfile.ZipFile(io.BytesIO(first)).namelist() == ["a.py", "b.py"]


def test_a_directory_is_zipped_and_a_file_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "f.py").write_text("x", encoding="utf-8")
    ready = assembly(tmp_path, "One", assets=asset(path="code", packaging="zip"))
    (zipped,) = uploads(find_stack(ready, PLACE), PLACE)
    assert zipped.content == packed(tmp_path / "code")
    ready = assembly(tmp_path, "One", assets=asset(path="code/f.py"))
    (plain,) = uploads(find_stack(ready, PLACE), PLACE)
    assert (plain.bucket, plain.key, plain.content) == ("cdk-hnb659fds-assets-123456789012-us-west-2", "k", b"x")


@pytest.mark.parametrize(
    ("assets", "said"),
    [
        (asset(path="gone"), "does not exist"),
        (asset(executable=["make"]), "runs no build commands"),
        ({"dockerImages": {"a": {}}}, "container images"),
    ],
)
def test_what_cannot_be_uploaded_is_refused(tmp_path: Path, assets: dict[str, Any], said: str) -> None:
    stack = find_stack(assembly(tmp_path, "One", assets=assets), PLACE)
    with pytest.raises(AssemblyUnusable, match=said):
        list(uploads(stack, PLACE))
