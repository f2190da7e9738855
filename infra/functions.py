"""The functions: a row of the table and a file of functions/ make each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from aws_cdk import Acknowledgment, Duration, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.function_table import FUNCTIONS, ONLY_IF, WILD, Thing, camel_case
from infra.wildcards import acknowledge_wildcard

LOG_RETENTION = logs.RetentionDays.ONE_YEAR


class Functions(Construct):
    """Every function, with its own role and log, all from one asset; by the name of its file."""

    by_name: Mapping[str, lambda_.Function]

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        bundle: Path,
        environment: Mapping[str, str],
        told: Mapping[Thing, Mapping[str, str]],
    ) -> None:
        """`environment` is everybody's; `told` is what whoever may touch a thing must know of it."""
        super().__init__(scope, id_)
        code = lambda_.Code.from_asset(str(bundle), exclude=["**/__pycache__", "**/*.pyc"])
        self._roles = {
            name: iam.Role(self, f"{camel_case(name)}Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
            for name in FUNCTIONS
        }
        self._logs = {
            name: logs.LogGroup(self, f"{camel_case(name)}Log", retention=LOG_RETENTION) for name in FUNCTIONS
        }
        self.by_name = {
            name: lambda_.Function(
                self,
                camel_case(name),
                runtime=lambda_.Runtime.PYTHON_3_13,
                architecture=lambda_.Architecture.ARM_64,
                code=code,
                handler=f"{name}.handler",
                timeout=Duration.seconds(row.timeout_seconds),
                memory_size=512,
                log_group=self._logs[name],
                role=self._roles[name],
                environment={
                    **environment,
                    **{key: value for thing in row.may for key, value in told.get(thing, {}).items()},
                },
            )
            for name, row in FUNCTIONS.items()
        }
        Validations.of(self).acknowledge(
            Acknowledgment(
                id="AwsSolutions-L1",
                reason="Python 3.13 on purpose: the bundle's wheels are made for it (infra/bundle.py).",
            )
        )

    def allow(self, resources: Mapping[Thing, Sequence[str]]) -> None:
        """Let each function do what its row says, on these ARNs and nothing else, and write its own log.

        The policies stand beside the roles, not in them: a function waits for its role and a workflow for its
        functions, so that a role naming the workflow would close a circle.
        """
        for thing, reason in WILD.items():
            for arn in resources[thing]:
                acknowledge_wildcard(self, arn, reason)
        for name, row in FUNCTIONS.items():
            iam.Policy(
                self.by_name[name],
                "Policy",
                roles=[self._roles[name]],
                statements=[
                    iam.PolicyStatement(
                        actions=["logs:CreateLogStream", "logs:PutLogEvents"],
                        resources=[self._logs[name].log_group_arn],
                    ),
                    *(
                        iam.PolicyStatement(
                            actions=list(actions), resources=list(resources[thing]), conditions=ONLY_IF.get(thing)
                        )
                        for thing, actions in row.may.items()
                    ),
                ],
            )
