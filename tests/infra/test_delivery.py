"""Events reach their function or end where an alarm sees them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.infra.template import Json, Template, arn

# Each rule: what it listens to, and the functions it calls.
RULES = {
    "RunRequested": ({"source": ["cutover"], "detail-type": ["RunRequested"]}, ["start"]),
    "RunNews": ({"source": ["cutover"], "detail-type": ["RunNews"]}, ["notify_sns", "notify_slack"]),
    "Asked": (
        {"source": ["cutover"], "detail-type": ["RunNews"], "detail": {"news": ["asked", "ended"]}},
        ["invite"],
    ),
    "RunChanged": (
        {
            "source": ["cutover"],
            "detail-type": ["Wave Changed", "Production Changed"],
        },
        ["notify_slack"],
    ),
    "Decided": ({"source": ["cutover"], "detail-type": ["Decision"], "detail": {"state": ["decided"]}}, ["wake"]),
    "Aborted": ({"source": ["cutover"], "detail-type": ["Run Changed"], "detail": {"aborted": [True]}}, ["wake"]),
}


def rule(template: Template, name: str) -> Json:
    (it,) = (
        it["Properties"] for id_, it in template.of("Events::Rule").items() if re.search(rf"{name}[0-9A-F]{{8}}$", id_)
    )
    properties: Json = it
    return properties


@pytest.mark.parametrize("name", RULES)
def test_our_events_reach_their_functions(name: str, template: Template) -> None:
    pattern, names = RULES[name]
    it = rule(template, name)
    assert it["EventPattern"] == pattern
    assert it["EventBusName"] == {"Ref": template.only("Events::EventBus")}
    assert [target["Arn"] for target in it["Targets"]] == [arn(template.function(each)) for each in names]


def test_a_requested_run_starts_from_the_events_detail(template: Template) -> None:
    (target,) = rule(template, "RunRequested")["Targets"]
    assert target["InputPath"] == "$.detail"


def test_a_dead_run_is_told(template: Template) -> None:
    it = rule(template, "RunDied")
    assert "EventBusName" not in it, "Step Functions speaks on the default bus"
    assert it["EventPattern"] == {
        "source": ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        "detail": {
            "status": ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"],
            "stateMachineArn": [{"Ref": template.machine("Plan")}],
        },
    }
    assert [target["Arn"] for target in it["Targets"]] == [arn(template.function("tell_dead_run"))]


def test_what_the_service_says_by_itself_wakes_who_waits(template: Template) -> None:
    it = rule(template, "ServiceEvent")
    assert "EventBusName" not in it, "the service speaks on the default bus"
    assert it["EventPattern"] == {"source": ["aws.mgn"]}, "whatever it is called: its kinds are not all described"
    assert [target["Arn"] for target in it["Targets"]] == [arn(template.function("wake"))]


def targets(template: Template) -> list[tuple[str, Json]]:
    return [(id_, target) for id_, it in template.of("Events::Rule").items() for target in it["Properties"]["Targets"]]


def test_every_rule_tries_again_and_puts_aside_what_it_cannot_deliver(template: Template) -> None:
    queues = [arn(id_) for id_ in template.of("SQS::Queue")]
    assert len(targets(template)) == 9
    for _, target in targets(template):
        assert target["RetryPolicy"]["MaximumRetryAttempts"] > 0
        assert target["RetryPolicy"]["MaximumEventAgeInSeconds"] <= 86_400
        assert target["DeadLetterConfig"]["Arn"] in queues


def test_every_rule_may_call_its_function(template: Template) -> None:
    permitted = [
        (it["Properties"]["FunctionName"], it["Properties"].get("SourceArn"))
        for it in template.of("Lambda::Permission").values()
    ]
    for id_, target in targets(template):
        assert (target["Arn"], arn(id_)) in permitted


def test_what_a_function_gives_up_on_is_put_aside_too(template: Template) -> None:
    configured = {
        it["Properties"]["FunctionName"]["Ref"]: (it, it["Properties"]["DestinationConfig"]["OnFailure"]["Destination"])
        for it in template.of("Lambda::EventInvokeConfig").values()
    }
    for _, target in targets(template):
        function = target["Arn"]["Fn::GetAtt"][0]
        config, queue = configured[function]
        assert queue == target["DeadLetterConfig"]["Arn"]
        assert ("sqs:SendMessage", json.dumps(queue)) in template.rights_of(function)
        # Lambda refuses the destination as long as the function may not send to it.
        policies = [id_ for id_ in config["DependsOn"] if id_ in template.of("IAM::Policy")]
        assert [template.properties(id_)["Roles"] for id_ in policies] == [
            [{"Ref": template.properties(function)["Role"]["Fn::GetAtt"][0]}]
        ]
    assert set(configured) == {target["Arn"]["Fn::GetAtt"][0] for _, target in targets(template)}


def test_every_queue_of_undelivered_events_raises_an_alarm(template: Template) -> None:
    watched: list[Any] = []
    for it in template.of("CloudWatch::Alarm").values():
        alarm = it["Properties"]
        if alarm["Namespace"] != "AWS/SQS":
            continue
        assert alarm["MetricName"] == "ApproximateNumberOfMessagesVisible"
        assert (alarm["Threshold"], alarm["EvaluationPeriods"]) == (1, 1)
        assert alarm["AlarmActions"] == [{"Ref": template.only("SNS::Topic")}]
        (dimension,) = alarm["Dimensions"]
        watched.append(dimension["Value"]["Fn::GetAtt"][0])
    aside = [id_ for id_ in template.of("SQS::Queue") if "Undelivered" in id_]
    assert sorted(watched) == sorted(aside)
    assert [id_ for id_ in template.of("SQS::Queue") if id_ not in aside] == [slack_queue(template)]


def slack_queue(template: Template) -> str:
    (id_,) = (id_ for id_ in template.of("SQS::Queue") if id_.startswith("SlackQueue"))
    return id_


def test_what_is_for_slack_waits_in_order_and_is_put_aside_where_slack_never_takes_it(template: Template) -> None:
    queue = template.properties(slack_queue(template))
    aside = queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
    assert (queue["FifoQueue"], template.properties(aside)["FifoQueue"]) == (True, True)
    assert queue["RedrivePolicy"]["maxReceiveCount"] == 20
    (mapping,) = (
        it["Properties"]
        for it in template.of("Lambda::EventSourceMapping").values()
        if it["Properties"]["FunctionName"] == {"Ref": template.function("write_slack")}
    )
    assert mapping["EventSourceArn"] == arn(slack_queue(template))
    assert (mapping["BatchSize"], mapping["FunctionResponseTypes"]) == (1, ["ReportBatchItemFailures"])
    timeout = template.properties(template.function("write_slack"))["Timeout"]
    assert queue["VisibilityTimeout"] >= 6 * timeout, "Lambda's own advice"


def test_the_page_answers_anybody_and_links_lead_to_it(template: Template) -> None:
    (url,) = template.of("Lambda::Url")
    assert template.properties(url)["AuthType"] == "NONE"
    assert template.properties(url)["TargetFunctionArn"] == arn(template.function("decide"))
    told = template.properties(template.function("invite"))["Environment"]["Variables"]
    assert told["CUTOVER_DECIDE_URL"] == {"Fn::GetAtt": [url, "FunctionUrl"]}
    public = [
        it["Properties"] for it in template.of("Lambda::Permission").values() if it["Properties"]["Principal"] == "*"
    ]
    assert {each["FunctionName"]["Fn::GetAtt"][0] for each in public} == {template.function("decide")}
    assert template.json["Outputs"]["DecisionUrl"]["Value"] == {"Fn::GetAtt": [url, "FunctionUrl"]}


def test_the_alarms_may_speak_to_the_topic(template: Template) -> None:
    (policy,) = template.of("SNS::TopicPolicy").values()
    allowed = [it for it in policy["Properties"]["PolicyDocument"]["Statement"] if it["Effect"] == "Allow"]
    assert [it["Principal"] for it in allowed] == [{"Service": "cloudwatch.amazonaws.com"}]


def test_a_schedule_may_start_a_run_or_clean_up_and_nothing_else(template: Template) -> None:
    role = template.json["Outputs"]["SchedulerRoleArn"]["Value"]["Fn::GetAtt"][0]
    (trust,) = template.properties(role)["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert trust["Condition"]["StringEquals"]["aws:SourceArn"] == arn(template.only("Scheduler::ScheduleGroup"))
    (queue,) = (target["DeadLetterConfig"]["Arn"] for target in rule(template, "RunRequested")["Targets"])
    assert template.rights(role) == {
        ("lambda:InvokeFunction", json.dumps(arn(template.function("start")))),
        ("lambda:InvokeFunction", json.dumps(arn(template.function("clean_up")))),
        ("sqs:SendMessage", json.dumps(queue)),
    }


# What looks again and again, and after how many minutes.
WATCHES = {"watch_silence": 1, "watch_replication": 5}


@pytest.mark.parametrize("name", WATCHES)
def test_a_watch_looks_again_and_again(name: str, template: Template) -> None:
    function = arn(template.function(name))
    (it,) = (
        each["Properties"]
        for each in template.of("Scheduler::Schedule").values()
        if each["Properties"]["Target"]["Arn"] == function
    )
    minutes = WATCHES[name]
    assert it["ScheduleExpression"] == ("rate(1 minute)" if minutes == 1 else f"rate({minutes} minutes)")
    assert it["GroupName"] == {"Ref": template.only("Scheduler::ScheduleGroup")}
    role = it["Target"]["RoleArn"]["Fn::GetAtt"][0]
    (trust,) = template.properties(role)["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"]["StringEquals"]["aws:SourceArn"] == arn(template.only("Scheduler::ScheduleGroup"))
    assert template.rights(role) == {("lambda:InvokeFunction", json.dumps(it["Target"]["Arn"]))}


def test_there_is_no_other_watch(template: Template) -> None:
    assert len(template.of("Scheduler::Schedule")) == len(WATCHES)


@pytest.mark.parametrize("name", WATCHES)
def test_a_watch_that_does_not_look_raises_an_alarm(name: str, template: Template) -> None:
    alarms = {
        it["Properties"]["MetricName"]: it["Properties"]
        for it in template.of("CloudWatch::Alarm").values()
        if it["Properties"]["Namespace"] == "AWS/Lambda"
        and it["Properties"]["Dimensions"][0]["Value"] == {"Ref": template.function(name)}
    }
    assert set(alarms) == {"Invocations", "Errors"}
    never, fails = alarms["Invocations"], alarms["Errors"]
    assert (never["Threshold"], never["ComparisonOperator"]) == (1, "LessThanThreshold")
    assert never["TreatMissingData"] == "breaching"
    assert (fails["Threshold"], fails["ComparisonOperator"]) == (1, "GreaterThanOrEqualToThreshold")
    for alarm in alarms.values():
        assert (alarm["Period"], alarm["EvaluationPeriods"]) == (60 * WATCHES[name], 5)
        assert alarm["AlarmActions"] == [{"Ref": template.only("SNS::Topic")}]
