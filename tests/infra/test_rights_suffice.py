"""No policy is enforced on the stage: a right that is missing is seen here, or in the account at night."""

from __future__ import annotations

import pytest

from infra.function_table import FUNCTIONS, Thing
from tests.infra.code_needs import needs

READ_FROM_CODE = {Thing.TABLE, Thing.PLANS, Thing.RUNS, Thing.MGN, Thing.SOURCE_SERVERS}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_functions_row_is_what_its_code_asks_for(name: str) -> None:
    """A difference is a missing right or one too many: change the row in infra/function_table.py."""
    may = FUNCTIONS[name].may.items()
    row = {(thing, action) for thing, actions in may for action in actions if thing in READ_FROM_CODE}
    code = needs(name)
    assert {"missing": code - row, "too many": row - code} == {"missing": set(), "too many": set()}
