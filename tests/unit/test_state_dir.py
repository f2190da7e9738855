"""The directory of a kept stage: whose it is, who uses it, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stage import state_dir
from stage.simulator import Scenario
from stage.stage import Service, _world
from stage.state_dir import StateDir, StateRefused
from stage.whole import write_whole


def opened(directory: Path, world: str = "demo", region: str = "eu-central-1") -> StateDir:
    return StateDir(directory, world=world, region=region)


def test_a_stage_that_was_up_is_kept_with_its_ports(tmp_path: Path) -> None:
    with opened(tmp_path / "new") as state:
        assert not state.kept
        state.note(aws=20_000)
        state.note(up=True)
        write_whole(state.aws, b"x")
    with opened(tmp_path / "new") as again:
        assert (again.kept, again.port("aws"), again.port("console")) == (True, 20_000, 0)
        assert again.aws.exists()


def test_what_a_stage_left_that_never_was_up_is_removed(tmp_path: Path) -> None:
    with opened(tmp_path) as state:
        for folder in (state.aws, state.simulator):
            folder.mkdir()
            write_whole(folder / "half", b"x")
        write_whole(state.outside, b"x")
    with opened(tmp_path) as again:
        assert not again.kept
        assert not again.aws.exists()
        assert not again.simulator.exists()
        assert not again.outside.exists()


@pytest.mark.parametrize(
    ("other", "said"),
    [({"world": "other"}, "another scenario"), ({"region": "eu-west-1"}, "another region: seen 'eu-central-1'")],
)
def test_another_stages_state_is_refused_with_what_was_seen(tmp_path: Path, other: dict[str, str], said: str) -> None:
    with opened(tmp_path) as state:
        state.note(up=True)
    with pytest.raises(StateRefused, match=said) as refused, opened(tmp_path, **other):
        pass
    assert "remove this one" in str(refused.value)
    with opened(tmp_path) as state:
        assert state.kept


def test_another_format_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(tmp_path):
        pass
    kept = state_dir.FORMAT
    monkeypatch.setattr(state_dir, "FORMAT", 99)
    with pytest.raises(StateRefused, match=f"another format: seen {kept}, wanted 99"), opened(tmp_path):
        pass


def test_a_directory_with_something_else_in_it_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("x")
    with pytest.raises(StateRefused, match="something else"), opened(tmp_path):
        pass
    assert [each.name for each in tmp_path.iterdir()] == ["thesis.txt"]
    with pytest.raises(StateRefused, match="is a file"), opened(tmp_path / "thesis.txt"):
        pass
    (tmp_path / "thesis.txt").rename(tmp_path / "stage.json")
    with pytest.raises(StateRefused, match="cannot be read"), opened(tmp_path):
        pass


def test_a_directory_in_use_is_refused_until_the_last_process_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_dir, "PATIENCE", 0.1)
    with opened(tmp_path) as state:
        with pytest.raises(StateRefused, match="in use by another stage"), opened(tmp_path):
            pass
        child = subprocess.Popen(
            [sys.executable, "-c", "input()"], pass_fds=(state.lock,), stdin=subprocess.PIPE, start_new_session=True
        )
    with pytest.raises(StateRefused, match="in use by another stage"), opened(tmp_path):
        pass
    monkeypatch.setattr(state_dir, "PATIENCE", 10)
    child.kill()
    began = time.monotonic()
    with opened(tmp_path):
        assert time.monotonic() - began < 5
    child.communicate()


def test_a_world_is_told_apart_without_its_secrets() -> None:
    subnets = {"subnets": {"db": "10.20.1.0/24"}, "security_groups": ["db"]}
    token = "-".join(["AB12"] * 16)

    def world(**more: object) -> str:
        return _world(Scenario.parse({"projects": {"Demo": subnets}, **more}))

    assert world() == world(account={"token": token, "password": "hush"})
    assert world() != world(seed="other")
    assert token not in _world(Service("http://127.0.0.1:1", token))


def test_a_file_is_whole_or_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_whole(path, b"old")
    with pytest.raises(TypeError):
        write_whole(path, None)  # type: ignore[arg-type]  # stands for a write that ends half-way
    assert path.read_bytes() == b"old"
    write_whole(path, json.dumps({}).encode())
    assert path.read_bytes() == b"{}"
