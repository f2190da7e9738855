"""report.html and ips.csv of a run, from its evidence and its plan alone.

Pure. It brings Jinja2 and drawsvg along, so it is imported only where a run's evidence is written.
"""

from __future__ import annotations

from cutover.report.addresses import addresses
from cutover.report.page import page

__all__ = ["addresses", "page"]
