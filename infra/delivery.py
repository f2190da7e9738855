"""Events reach their function, or are put aside and somebody is called."""

from __future__ import annotations

from aws_cdk import Acknowledgment, Duration, Validations
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct


class Undelivered(Construct):
    """A dead-letter queue with its alarm; the alarm speaks to the topic."""

    queue: sqs.Queue

    def __init__(self, scope: Construct, id_: str, *, what: str, topic: sns.ITopic, fifo: bool = False) -> None:
        """`what` names the events in the alarm: "requests for runs". `fifo`: of a queue that keeps an order."""
        super().__init__(scope, id_)
        self.queue = sqs.Queue(
            self, "Queue", enforce_ssl=True, retention_period=Duration.days(14), fifo=True if fifo else None
        )
        Validations.of(self.queue).acknowledge(
            Acknowledgment(
                id="AwsSolutions-SQS3",
                reason="It is a dead-letter queue itself: of a rule, of Lambda's invocations, or of another queue.",
            )
        )
        alarm = cloudwatch.Alarm(
            self,
            "Alarm",
            alarm_description=f"Undelivered {what} lie in {self.queue.queue_name}: read them, act, then purge it.",
            metric=self.queue.metric_approximate_number_of_messages_visible(
                period=Duration.minutes(1), statistic="Maximum"
            ),
            threshold=1,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(topic))

    def target(
        self, function: lambda_.Function, *, max_age: Duration, event: events.RuleTargetInput | None = None
    ) -> targets.LambdaFunction:
        """The function as a rule's target; call it once per function.

        A rule gives up when Lambda does not take the event, Lambda when the function fails on it thrice: both put it
        aside here. The function's row in the table lets it (`Thing.UNDELIVERED_...`).
        """
        asynchronous = lambda_.CfnEventInvokeConfig(
            self,
            f"{function.node.id}Invocation",
            function_name=function.function_name,
            qualifier="$LATEST",
            maximum_retry_attempts=2,
            maximum_event_age_in_seconds=min(max_age.to_seconds(), 21_600),  # Lambda's own limit: six hours
            destination_config={"onFailure": {"destination": self.queue.queue_arn}},
        )
        asynchronous.node.add_dependency(function)  # its policy too: Lambda refuses a queue it may not send to
        return targets.LambdaFunction(
            function, event=event, dead_letter_queue=self.queue, retry_attempts=24, max_event_age=max_age
        )
