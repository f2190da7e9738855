"""The CDK app: one line per stack. No network, no git, no account; the bundle is made before (`make setup`)."""

import json
import os
import sys
from pathlib import Path

from infra.bundle import Bundle, BundleStale
from infra.node import node_environment

ROOT = Path(__file__).resolve().parent


def main() -> None:
    """Write the cloud assembly to CDK_OUTDIR (`cdk.out` without); with the CDK CLI or without, it is the same."""
    try:
        bundle = Bundle().require_fresh()
    except BundleStale as stale:
        sys.exit(f"app.py: {stale}")
    os.environ.update(node_environment())  # before the CDK is imported: jsii starts Node then
    from aws_cdk import App, DefaultStackSynthesizer

    from infra.cutover_stack import CutoverStack
    from infra.inside import PlaceUnclear

    # The CLI passes cdk.json's context, changed by its own options; without the CLI it is read here.
    app = App(
        context=json.loads((ROOT / "cdk.json").read_text())["context"],
        analytics_reporting=False,
        # The CLI looks at the bootstrap's version before it deploys; a rule in the template would look again.
        default_stack_synthesizer=DefaultStackSynthesizer(generate_bootstrap_version_rule=False),
    )
    try:
        CutoverStack(app, app.node.get_context("stack"), bundle=bundle, definitions=ROOT / "statemachines")
    except PlaceUnclear as unclear:
        sys.exit(f"app.py: {unclear}")
    app.synth()


if __name__ == "__main__":
    main()
