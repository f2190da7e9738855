"""What sets things in motion: a request starts a run, an event wakes one, news goes out, silence and death are told."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.delivery import Undelivered

RECORDS_OF_RUNS = {"dynamodb": {"Keys": {"pk": {"S": [{"prefix": "RUN#"}]}}}}
"""Which changes of the table are worth a call: locks, waits and what the monitor remembers are not."""


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
        self.scheduler_role = _role(self, "SchedulerRole", self.schedules.attr_arn)
        for action, arn in (
            ("lambda:InvokeFunction", start.function_arn),
            ("lambda:InvokeFunction", clean_up.function_arn),
            ("sqs:SendMessage", self.undelivered.queue.queue_arn),
        ):
            self.scheduler_role.add_to_policy(iam.PolicyStatement(actions=[action], resources=[arn]))


class News(Construct):
    """What `tell` puts on the bus goes to people, by every way there is; what asks somebody, to them alone."""

    undelivered: Undelivered
    targets: dict[str, events.IRuleTarget]

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        bus: events.IEventBus,
        notify: Mapping[str, lambda_.Function],
        invite: lambda_.Function,
        topic: sns.ITopic,
    ) -> None:
        super().__init__(scope, id_)
        self.undelivered = Undelivered(self, "Undelivered", what="news of runs", topic=topic)
        self.targets = {
            name: self.undelivered.target(function, max_age=Duration.hours(24)) for name, function in notify.items()
        }
        events.Rule(
            self,
            "RunNews",
            event_bus=bus,
            event_pattern=events.EventPattern(source=["cutover"], detail_type=["RunNews"]),
            targets=list(self.targets.values()),
        )
        events.Rule(
            self,
            "Asked",
            event_bus=bus,
            event_pattern=events.EventPattern(
                source=["cutover"], detail_type=["RunNews"], detail={"news": ["asked", "ended"]}
            ),
            targets=[self.undelivered.target(invite, max_age=Duration.hours(24))],
        )


class SlackWriter(Construct):
    """What is to be written to Slack waits in order, one message of a run at a time; what Slack never takes is put
    aside. A change of a run that is no news brings its message up to date, too."""

    undelivered: Undelivered
    queue: sqs.Queue

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        bus: events.IEventBus,
        notify: events.IRuleTarget,
        write: lambda_.Function,
        topic: sns.ITopic,
    ) -> None:
        super().__init__(scope, id_)
        self.undelivered = Undelivered(self, "Undelivered", what="messages for Slack", topic=topic, fifo=True)
        self.queue = sqs.Queue(
            self,
            "Queue",
            fifo=True,
            enforce_ssl=True,
            retention_period=Duration.days(1),  # a day later nobody wants to read it
            visibility_timeout=Duration.minutes(6),  # six times the function's timeout, as Lambda wants it
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.undelivered.queue, max_receive_count=20),
        )
        events.Rule(
            self,
            "RunChanged",
            event_bus=bus,
            event_pattern=events.EventPattern(
                source=["cutover"],
                detail_type=["Wave Changed", "Production Changed"],
            ),
            targets=[notify],
        )
        source = lambda_.CfnEventSourceMapping(
            self,
            "OfTheQueue",
            function_name=write.function_name,
            event_source_arn=self.queue.queue_arn,
            batch_size=1,
            function_response_types=["ReportBatchItemFailures"],
        )
        source.node.add_dependency(write)  # its policy too: Lambda refuses a queue it may not read


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


class ServiceEvents(Construct):
    """What a replication service says by itself, on the default bus, wakes the waves that wait for it; what people say
    to a run, on ours, wakes the run."""

    undelivered: Undelivered

    def __init__(
        self, scope: Construct, id_: str, *, bus: events.IEventBus, wake: lambda_.Function, topic: sns.ITopic
    ) -> None:
        super().__init__(scope, id_)
        self.undelivered = Undelivered(self, "Undelivered", what="events that wake runs", topic=topic)
        # After that whoever waits has looked by itself.
        target = self.undelivered.target(wake, max_age=Duration.minutes(15))
        events.Rule(self, "ServiceEvent", event_pattern=events.EventPattern(source=["aws.mgn"]), targets=[target])
        events.Rule(
            self,
            "Decided",
            event_bus=bus,
            event_pattern=events.EventPattern(
                source=["cutover"], detail_type=["Decision"], detail={"state": ["decided"]}
            ),
            targets=[target],
        )
        events.Rule(
            self,
            "Aborted",
            event_bus=bus,
            event_pattern=events.EventPattern(
                source=["cutover"], detail_type=["Run Changed"], detail={"aborted": [True]}
            ),
            targets=[target],
        )


class Changes(Construct):
    """What changes in the records of runs is published, whoever wrote it; no run waits for that."""

    undelivered: Undelivered
    stream: str

    def __init__(
        self, scope: Construct, id_: str, *, table: dynamodb.Table, publish: lambda_.Function, topic: sns.ITopic
    ) -> None:
        super().__init__(scope, id_)
        self.undelivered = Undelivered(self, "Undelivered", what="changes of runs", topic=topic)
        self.stream = str(table.table_stream_arn)
        source = lambda_.CfnEventSourceMapping(
            self,
            "OfTheTable",
            function_name=publish.function_name,
            event_source_arn=self.stream,
            starting_position="TRIM_HORIZON",
            batch_size=100,
            bisect_batch_on_function_error=True,
            maximum_retry_attempts=24,
            maximum_record_age_in_seconds=86_400,  # as long as the stream keeps them
            filter_criteria={"filters": [{"pattern": Stack.of(self).to_json_string(RECORDS_OF_RUNS)}]},
            destination_config={"onFailure": {"destination": self.undelivered.queue.queue_arn}},
        )
        source.node.add_dependency(publish)  # its policy too: Lambda refuses a stream it may not read


class Watch(Construct):
    """A function that looks again and again, by a schedule of the stack; alarms watch that it does."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        name: str,
        function: lambda_.Function,
        minutes: int,
        looks: str,
        schedules: scheduler.CfnScheduleGroup,
        topic: sns.ITopic,
    ) -> None:
        """`name`: the function file's. `looks`: what it looks for, in the alarms: "whether a run has fallen silent"."""
        super().__init__(scope, id_)
        every = Duration.minutes(minutes)
        role = _role(self, "Role", schedules.attr_arn)
        role.add_to_policy(iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[function.function_arn]))
        scheduler.CfnSchedule(
            self,
            "EveryMinute" if minutes == 1 else f"Every{minutes}Minutes",
            group_name=schedules.ref,
            schedule_expression="rate(1 minute)" if minutes == 1 else f"rate({minutes} minutes)",
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=function.function_arn,
                role_arn=role.role_arn,
                input="{}",
                # The next look comes anyway: a late one says nothing.
                retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                    maximum_event_age_in_seconds=60, maximum_retry_attempts=0
                ),
            ),
        )
        # Two plain alarms and no metric math: what counts on the stage as in an account.
        never = cloudwatch.Alarm(
            self,
            "Blind",
            alarm_description=f"Nobody looks {looks}: {name} is not called.",
            metric=function.metric_invocations(period=every, statistic="Sum"),
            threshold=1,
            evaluation_periods=5,
            comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.BREACHING,
        )
        fails = cloudwatch.Alarm(
            self,
            "Failing",
            alarm_description=f"Nobody sees {looks}: see the log of {name}.",
            metric=function.metric_errors(period=every, statistic="Sum"),
            threshold=1,
            evaluation_periods=5,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        for alarm in (never, fails):
            alarm.add_alarm_action(actions.SnsAction(topic))


def _role(scope: Construct, id_: str, group: str) -> iam.Role:
    """What the schedules of a group may do, and no other schedule."""
    condition = {"aws:SourceAccount": Stack.of(scope).account, "aws:SourceArn": group}
    return iam.Role(
        scope,
        id_,
        assumed_by=iam.ServicePrincipal("scheduler.amazonaws.com", conditions={"StringEquals": condition}),
    )
