"""Where people decide: a function URL that anybody may call, and that answers by random ids and Slack's signatures."""

from __future__ import annotations

from aws_cdk import aws_lambda as lambda_
from constructs import Construct

KEY, NO = "decision_page", ("no", "false", False)


class DecisionPage(Construct):
    """The URL, which ends with a slash. See docs/decisions/0033-links-that-decide.md."""

    url: str

    def __init__(self, scope: Construct, id_: str, *, decide: lambda_.Function, invite: lambda_.Function) -> None:
        super().__init__(scope, id_)
        self.url = decide.add_function_url(auth_type=lambda_.FunctionUrlAuthType.NONE).url
        invite.add_environment("CUTOVER_DECIDE_URL", self.url)

    @classmethod
    def from_context(
        cls, scope: Construct, decide: lambda_.Function, *, invite: lambda_.Function
    ) -> DecisionPage | None:
        """None with `-c decision_page=no`: then people decide by command alone."""
        if scope.node.try_get_context(KEY) in NO:
            return None
        return cls(scope, "DecisionPage", decide=decide, invite=invite)
