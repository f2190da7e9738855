"""A service over HTTP that answers what a test says."""

from collections.abc import Iterator

import pytest
import responses


@pytest.fixture
def service() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock
