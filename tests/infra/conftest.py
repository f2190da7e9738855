from __future__ import annotations

from pathlib import Path

import pytest

from infra.bundle import Bundle
from infra.synth import synthesize
from tests.infra.template import Template


@pytest.fixture(scope="session")
def assembly() -> Path:
    """The cloud assembly of the sources as they are; made once, whoever asks first."""
    Bundle().build()
    return synthesize()


@pytest.fixture(scope="session")
def template(assembly: Path) -> Template:
    return Template(assembly / "Cutover.template.json")
