"""What only the operator knows: made without a value, filled in once, read where it is used.

    aws secretsmanager put-secret-value --secret-id <CloudEndureSecretArn> --secret-string <API token>
    aws secretsmanager put-secret-value --secret-id <SlackSecretArn> --secret-string https://hooks.slack.com/...

See docs/decisions/0005-secrets-are-created-empty.md.
"""

from __future__ import annotations

from aws_cdk import Acknowledgment, Validations
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct


class Secrets(Construct):
    """ARNs of the secrets. Each holds a plain string: the token; the webhook's https URL."""

    cloudendure_arn: str
    slack_arn: str

    def __init__(self, scope: Construct, id_: str) -> None:
        super().__init__(scope, id_)
        self.cloudendure_arn = self._empty("CloudEndureToken", "The API token of CloudEndure, a plain string")
        self.slack_arn = self._empty("SlackWebhook", "The https URL of Slack's incoming webhook, a plain string")

    def _empty(self, id_: str, description: str) -> str:
        # The L2 construct always generates a value, which would be taken for the real one.
        secret = secretsmanager.CfnSecret(self, id_, description=description)
        Validations.of(secret).acknowledge(
            Acknowledgment(
                id="AwsSolutions-SMG4",
                reason="Issued by another service, which offers no way to rotate it by program.",
            )
        )
        return secret.attr_id
