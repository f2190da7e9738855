"""Put on our bus what has changed in the records of runs: what others hang tickets and dashboards on.

Input: records of the table's stream. Whatever is written is published, whoever writes it, and nobody waits for it:
no run depends on this. What the bus does not take is handed here again; each event has the same id then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cutover import clients
from cutover.changes import events, log_line, new_lines
from cutover.events import Bus
from cutover.settings import Settings
from cutover.store_files import Files
from cutover.store_stream import changes

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """{events: how many were put}."""
    settings = Settings()
    store = Files(settings.bucket, clients.client("s3"))
    found = []
    for change in changes(event["Records"]):
        found += events(change)
        for lines in new_lines(change):
            log = store.read_job(lines.run, lines.wave, lines.job).log[lines.begin : lines.end]
            found += [log_line(change, lines, number, line) for number, line in enumerate(log, lines.begin + 1)]
    Bus(settings.bus).put_all(found)
    return {"events": len(found)}
