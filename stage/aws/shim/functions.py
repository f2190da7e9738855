"""A Python function fails with the name of its exception, in a process that sees its bundle and boto3 only.

Upstream reports every failure as `Runtime.HandlerError`, so that no Catch or Retry by name matches, kills the worker
after it, lets the function import whatever the emulator can, and answers for a function whose code was never uploaded.
The worker's failure report follows https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html.
"""

from __future__ import annotations

import importlib.util
import inspect
from pathlib import Path

from stage.aws.lifeline import end_with
from stage.aws.shim.dialling import dial_through_proxy
from stage.aws.shim.patch import Anything, replace, replace_text

AWS_RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")
"""boto3 and what it imports: what AWS puts beside a Python function's own code."""

FAILURE = "__stage_failure__"

PRELUDE = """
import os, sys
if not sys.flags.no_site:  # again, without this machine's packages, PYTHONPATH and the rest of its environment
    os.execv(sys.executable, [sys.executable, "-I", "-S", "-B", *sys.argv])
sys.path.append({runtime!r})
import threading, time
{end_with}
end_with(os.getppid())
{dial_through_proxy}
dial_through_proxy()
"""

UPSTREAM_REPORT = (
    '            _real_stdout.write(json.dumps({"status": "error", "error": str(e), "trace": traceback.format_exc()})'
    ' + "\\n")\n'
)

REPORT = f'''            traceback.print_exc()
            _failure = {{"errorMessage": str(e), "errorType": type(e).__name__, "requestId": context.aws_request_id,
                        "stackTrace": traceback.format_tb(e.__traceback__)[1:]}}
            _real_stdout.write(json.dumps({{"status": "ok", "result": {{"{FAILURE}": _failure}}}}) + "\\n")
'''

UPSTREAM_INIT_REPORT = '{"status": "error", "error": str(e)}'
INIT_REPORT = '{"status": "error", "error": f"{type(e).__name__}: {e}"}'


def link_runtime(directory: Path) -> None:
    """Fill `directory` with links to AWS_RUNTIME as installed beside this interpreter."""
    directory.mkdir(parents=True)
    for name in AWS_RUNTIME:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(f"{name} is not installed, and boto3 needs it in every function of the stage")
        origin = Path(spec.origin)
        package = origin.parent if spec.submodule_search_locations else origin
        (directory / package.name).symlink_to(package)


def worker_script(original: str, runtime: Path) -> str:
    prelude = PRELUDE.format(
        runtime=str(runtime),
        end_with=inspect.getsource(end_with),
        dial_through_proxy=inspect.getsource(dial_through_proxy),
    )
    script = replace_text(original, UPSTREAM_REPORT, REPORT)
    return prelude + replace_text(script, UPSTREAM_INIT_REPORT, INIT_REPORT)


def failed_by_name(execute: Anything) -> Anything:
    """A worker that reported FAILURE goes on living; its invocation has failed."""

    def execute_function_warm(func: Anything, event: Anything, request_id: str) -> Anything:
        if not func.get("code_zip"):
            missing = {"errorType": "Stage.NoCode", "errorMessage": "the function's asset was not in its bucket"}
            return {"body": missing, "error": True, "log": missing["errorMessage"]}
        result = execute(func, event, request_id)
        body = result.get("body")
        if isinstance(body, dict) and FAILURE in body:
            return {"body": body[FAILURE], "error": True, "log": result.get("log", "")}
        return result

    return execute_function_warm


def install(runtime: Path) -> None:
    link_runtime(runtime)
    replace("core.lambda_runtime", "_PYTHON_WORKER_SCRIPT", lambda original: worker_script(original, runtime))
    replace("services.lambda_svc", "_execute_function_warm", failed_by_name)
