"""What a function writes also goes to a file, because the emulator's CloudWatch Logs end with it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from stage.aws.shim.patch import Anything, replace


def install(directory: Path) -> None:
    """One file `<function name>.log` per function in `directory`, appended after each invocation."""
    directory.mkdir(parents=True, exist_ok=True)

    def also_to_file(emit: Anything) -> Anything:
        def emit_lambda_logs(
            func: Anything, request_id: str, log_text: str, error: bool, duration_ms: int, **other: Anything
        ) -> None:
            emit(func, request_id, log_text, error, duration_ms, **other)
            name = (func.get("config") or func).get("FunctionName", "unknown")
            ended = datetime.now(UTC).isoformat(timespec="milliseconds")
            outcome = "failed" if error else "ok"
            with (directory / f"{name}.log").open("a", encoding="utf-8") as file:
                file.write(
                    f"{ended} {request_id} {outcome} {duration_ms} ms\n{log_text}\n"
                    if log_text
                    else f"{ended} {request_id} {outcome} {duration_ms} ms\n"
                )

        return emit_lambda_logs

    replace("services.lambda_svc", "_emit_lambda_logs", also_to_file)
