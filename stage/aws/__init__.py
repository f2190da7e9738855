"""AWS on this machine: MiniStack with a thin shim, moto's EC2 beside it, and the template deployed into them.

from stage.aws.emulator import Emulator

with Emulator(log_dir=Path("out/stage")) as aws:
    outputs = aws.deploy(Path("cdk.out"), {"ProjectId": "..."})
    aws.client("stepfunctions").start_execution(...)
"""
