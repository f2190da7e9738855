"""What sets things in motion: a request starts a run, news goes out, a dead run is told."""

from __future__ import annotations

from aws_cdk import Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.delivery import Undelivered


class Requests(Construct):
    """Two ways to start a run: an event `RunRequested` on our bus, and the schedules of published plans. A verified
    test makes schedules that clean up after it."""

    undelivered: Undelivered
    schedules: scheduler.CfnScheduleGroup
    scheduler_role: iam.Role

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        bus: events.IEventBus,
        start: lambda_.Function,
        clean_up: lambda_.Function,
        topic: sns.ITopic,
    ) -> None:
        super().__init__(scope, id_)
        self.undelivered = Undelivered(self, "Undelivered", what="requests for runs", topic=topic)
        events.Rule(
            self,
            "RunRequested",
            event_bus=bus,
            event_pattern=events.EventPattern(source=["cutover"], detail_type=["RunRequested"]),
            targets=[
                self.undelivered.target(
                    start,
                    max_age=Duration.minutes(15),  # a request older than that is asked for again, not carried out
                    event=events.RuleTargetInput.from_event_path("$.detail"),
                )
            ],
        )
        # The L2 construct gives the group a name of its own making.
        self.schedules = scheduler.CfnScheduleGroup(self, "Schedules")
        self.scheduler_role = iam.Role(
            self,
            "SchedulerRole",
            assumed_by=iam.ServicePrincipal(
                "scheduler.amazonaws.com",
                conditions={
                    "StringEquals": {
                        "aws:SourceAccount": Stack.of(self).account,
                        "aws:SourceArn": self.schedules.attr_arn,
                    }
                },
            ),
        )
        for action, arn in (
            ("lambda:InvokeFunction", start.function_arn),
            ("lambda:InvokeFunction", clean_up.function_arn),
            ("sqs:SendMessage", self.undelivered.queue.queue_arn),
        ):
            self.scheduler_role.add_to_policy(iam.PolicyStatement(actions=[action], resources=[arn]))


class News(Construct):
    """What `tell` puts on the bus goes to people, by every way there is."""

    undelivered: Undelivered

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        bus: events.IEventBus,
        notify: list[lambda_.Function],
        topic: sns.ITopic,
    ) -> None:
        super().__init__(scope, id_)
        self.undelivered = Undelivered(self, "Undelivered", what="news of runs", topic=topic)
        events.Rule(
            self,
            "RunNews",
            event_bus=bus,
            event_pattern=events.EventPattern(source=["cutover"], detail_type=["RunNews"]),
            targets=[self.undelivered.target(function, max_age=Duration.hours(24)) for function in notify],
        )


class Deaths(Construct):
    """A workflow that dies cannot say so itself; Step Functions does, on the default bus."""

    undelivered: Undelivered

    def __init__(
        self, scope: Construct, id_: str, *, machine: sfn.IStateMachine, tell: lambda_.Function, topic: sns.ITopic
    ) -> None:
        super().__init__(scope, id_)
        self.undelivered = Undelivered(self, "Undelivered", what="deaths of runs", topic=topic)
        events.Rule(
            self,
            "RunDied",
            event_pattern=events.EventPattern(
                source=["aws.states"],
                detail_type=["Step Functions Execution Status Change"],
                detail={
                    "status": ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"],
                    "stateMachineArn": [machine.state_machine_arn],
                },
            ),
            targets=[self.undelivered.target(tell, max_age=Duration.hours(24))],
        )
