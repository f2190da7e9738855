"""The records of what was told: written before it is sent, numbered, and read in that order by whoever sends it."""

from __future__ import annotations

from cutover.errors import AwsUnavailable
from cutover.store_items import Items
from cutover.told_records import Board, Due, Told


class Tellings(Items):
    """What people are told of runs, and by when they hear again."""

    def told(self, run_id: str, after: int = 0) -> list[Told]:
        """In order; those after the number `after`."""
        items = self._query(f"RUN#{run_id}", "TOLD#")
        return [each for each in map(Told.from_json, items) if each.number > after]

    def write_told(self, run_id: str, told: Told) -> bool:
        """Write one piece of news; False, and nothing written, where its number is taken."""
        return self._put_new({"pk": f"RUN#{run_id}", "sk": f"TOLD#{told.number:04}", **told.to_json()})

    def promise(self, due: Due) -> None:
        """Note by when the next word of a run comes; the one before it is kept with that."""
        self._table.put_item(Item={"pk": "DUE", "sk": due.run, **due.to_json()})

    def promise_nothing(self, run_id: str) -> None:
        """No word of the run is waited for."""
        self._table.delete_item(Key={"pk": "DUE", "sk": run_id})

    def promised(self) -> list[Due]:
        """The words that are waited for."""
        return [Due.from_json(item) for item in self._query("DUE")]

    def board(self, run_id: str, channel: str) -> Board:
        """The run in a channel of Slack; a fresh one before anything was posted there."""
        item = self._find(f"RUN#{run_id}", f"SLACK#{channel}")
        return Board.from_json(item) if item else Board(channel)

    def boards(self, run_id: str) -> list[Board]:
        """The run in every channel of Slack."""
        return [Board.from_json(item) for item in self._query(f"RUN#{run_id}", "SLACK#")]

    def write_board(self, run_id: str, board: Board) -> Board:
        """Write it over the version it was read in; AwsUnavailable, and nothing written, over another one."""
        written = board.but(version=board.version + 1)
        if not self._replace(f"RUN#{run_id}", f"SLACK#{board.name}", written.to_json(), board.version):
            raise AwsUnavailable(f"the message of run {run_id} in Slack had two writers at once")
        return written
