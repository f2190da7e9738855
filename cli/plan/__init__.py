"""The author's side of a plan: YAML read strictly, checked as a whole, compiled to what the functions read.

`load_plan(path)` is the way in; it raises `InvalidPlan`, which holds one `Problem` per fault of the file.
"""

from cli.plan.load import load_plan
from cli.plan.problems import InvalidPlan, Problem

__all__ = ["InvalidPlan", "Problem", "load_plan"]
