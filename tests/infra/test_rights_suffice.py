"""No policy is enforced on the stage: a right that is missing is seen here, or in the account at night."""

from __future__ import annotations

import pytest

from infra.function_table import FUNCTIONS, Thing
from tests.infra.code_needs import needs

RECORDS = {Thing.TABLE, Thing.PLANS, Thing.RUNS}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_functions_row_is_what_its_code_asks_of_the_records(name: str) -> None:
    """A difference is a missing right or one too many: change the row in infra/function_table.py."""
    row = {(thing, action) for thing, actions in FUNCTIONS[name].may.items() for action in actions if thing in RECORDS}
    code = needs(name)
    assert {"missing": code - row, "too many": row - code} == {"missing": set(), "too many": set()}
