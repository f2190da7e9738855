"""AWS Application Migration Service's API, spoken about the same simulated world as CloudEndure's.

What an operation is called, what it may be asked and what it may answer is taken from botocore's model of it.
"""

from stage.simulator.mgn.service import Mgn

__all__ = ["Mgn"]
