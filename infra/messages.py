"""How the product speaks: its own event bus, and the topic that people subscribe to."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct


class Messages(Construct):
    """Events first: whoever wants to hear adds a rule to the bus."""

    bus: events.EventBus
    topic: sns.Topic

    def __init__(self, scope: Construct, id_: str) -> None:
        super().__init__(scope, id_)
        self.bus = events.EventBus(self, "Bus")
        self.topic = sns.Topic(self, "Topic", enforce_ssl=True)
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsSpeak",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
            )
        )
