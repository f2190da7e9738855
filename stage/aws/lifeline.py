"""No process of the stage outlives the one that started it, however that one ended.

The parent's id is polled: unlike a death signal it is portable and does not fire when merely the starting *thread*
ends, and unlike a pipe no inherited descriptor can keep it open.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time


def end_with(parent: int, scratch: str | None = None) -> None:
    """Watch process `parent` from a daemon thread; when it is gone, end this process.

    The directory `scratch` is removed by another process: that may take seconds, and this one would go on answering.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.25)
        if scratch is not None:
            subprocess.Popen(["rm", "-rf", "--", scratch], stdin=subprocess.DEVNULL, start_new_session=True)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="lifeline").start()
