"""What holds for the stack as a whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.bundle import ROOT, Bundle
from infra.node import node_environment
from tests.infra.template import Template, strings

OUTPUTS = {
    "TableName",
    "BucketName",
    "BusName",
    "TopicArn",
    "StartFunctionArn",
    "CleanUpFunctionArn",
    "FinalizeFunctionArn",
    "PlanMachineArn",
    "WaveMachineArn",
    "SchedulerRoleArn",
    "ScheduleGroupName",
    "ScheduleDeadLetterArn",
    "CloudEndureSecretArn",
    "SlackSecretArn",
}


def test_the_outputs_are_what_the_command_reads(template: Template) -> None:
    assert set(template.json["Outputs"]) == OUTPUTS | {"DecisionUrl"}, "and what Slack's buttons are sent to"


def test_the_parameters_say_where_the_service_is_and_whether_it_is_real(template: Template) -> None:
    defaults = {name: it["Default"] for name, it in template.json["Parameters"].items()}
    assert defaults == {"CloudEndureUrl": "https://console.cloudendure.com", "Simulated": "false"}


def test_the_secrets_are_created_without_a_value(template: Template) -> None:
    secrets = template.of("SecretsManager::Secret")
    assert len(secrets) == 2
    for it in secrets.values():
        assert set(it["Properties"]) == {"Description"}


def test_no_function_is_told_a_secret(template: Template) -> None:
    """Every value is a reference, or one of the few constants that anybody may know."""
    for it in template.of("Lambda::Function").values():
        values = it["Properties"]["Environment"]["Variables"].values()
        constants = {value for value in values if isinstance(value, str)}
        assert constants - {"outside of any VPC"} == {"cutover", "INFO"}
    assert not [text for text in strings(template.json) if "{{resolve:" in text]


def test_the_records_outlive_the_stack(template: Template) -> None:
    table, bucket = template.only("DynamoDB::Table"), template.only("S3::Bucket")
    for id_ in (table, bucket):
        assert template.json["Resources"][id_]["DeletionPolicy"] == "Retain"
        assert template.json["Resources"][id_]["UpdateReplacePolicy"] == "Retain"
    assert template.properties(table)["DeletionProtectionEnabled"] is True
    assert template.properties(table)["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert template.properties(bucket)["VersioningConfiguration"] == {"Status": "Enabled"}


def test_the_table_has_the_keys_and_the_expiry_that_the_functions_write(template: Template) -> None:
    table = template.properties(template.only("DynamoDB::Table"))
    assert [(key["AttributeName"], key["KeyType"]) for key in table["KeySchema"]] == [("pk", "HASH"), ("sk", "RANGE")]
    assert {key["AttributeType"] for key in table["AttributeDefinitions"]} == {"S"}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}
    assert table["BillingMode"] == "PAY_PER_REQUEST"


def test_nobody_reads_the_bucket_from_outside_or_without_tls(template: Template) -> None:
    bucket = template.properties(template.only("S3::Bucket"))
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["BucketEncryption"]
    (policy,) = template.of("S3::BucketPolicy").values()
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_every_log_is_ours_and_ends_some_day(template: Template) -> None:
    groups = template.of("Logs::LogGroup")
    assert all(it["Properties"]["RetentionInDays"] for it in groups.values())
    used = [it["Properties"]["LoggingConfig"]["LogGroup"]["Ref"] for it in template.of("Lambda::Function").values()]
    used += [
        it["Properties"]["LoggingConfiguration"]["Destinations"][0]["CloudWatchLogsLogGroup"]["LogGroupArn"][
            "Fn::GetAtt"
        ][0]
        for it in template.of("StepFunctions::StateMachine").values()
    ]
    assert sorted(used) == sorted(groups)


def test_names_are_cloudformations_so_that_two_stacks_fit_in_an_account(template: Template) -> None:
    names = {"FunctionName", "TableName", "BucketName", "RoleName", "StateMachineName", "TopicName", "QueueName"}
    names |= {"LogGroupName", "AlarmName"}
    for kind in ("Lambda::Function", "DynamoDB::Table", "S3::Bucket", "IAM::Role", "StepFunctions::StateMachine"):
        for it in template.of(kind).values():
            assert not names & it["Properties"].keys()
    for kind in ("SNS::Topic", "SQS::Queue", "Logs::LogGroup", "CloudWatch::Alarm", "Scheduler::ScheduleGroup"):
        for it in template.of(kind).values():
            assert not (names | {"Name"}) & it.get("Properties", {}).keys()


def test_nothing_runs_at_deployment(template: Template) -> None:
    kinds = {it["Type"] for it in template.json["Resources"].values()}
    assert all(kind.startswith("AWS::") and "CustomResource" not in kind for kind in kinds)


def test_awss_own_checks_find_nothing_that_is_not_acknowledged(
    assembly: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in node_environment().items():  # before the CDK is imported
        monkeypatch.setenv(name, value)
    from aws_cdk import App, Validations
    from cdk_nag import AwsSolutionsChecks

    from infra.cutover_stack import CutoverStack

    app = App(outdir=str(tmp_path))
    CutoverStack(app, "Cutover", bundle=Bundle().folder, definitions=ROOT / "statemachines")
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    app.synth()  # raises with the findings
