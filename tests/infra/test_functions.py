"""A function per file, and each may do what its row of the table says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import stop_targets
from cutover import late, planned_night
from infra.bundle import Bundle
from infra.function_table import FUNCTIONS, MGN_IN_EC2, WILD, Thing
from tests.infra.template import FUNCTION_FILES, Template, arn, many

# What whoever may touch a thing is told of it; functions/cutover/settings.py reads these names.
TOLD = {
    Thing.TABLE: {"CUTOVER_TABLE"},
    Thing.PLANS: {"CUTOVER_BUCKET"},
    Thing.RUNS: {"CUTOVER_BUCKET"},
    Thing.PLAN_MACHINE: {"CUTOVER_PLAN_MACHINE"},
    Thing.BUS: {"CUTOVER_BUS"},
    Thing.TOPIC: {"CUTOVER_TOPIC"},
    Thing.CLOUDENDURE: {"CLOUDENDURE_URL", "CLOUDENDURE_SECRET"},
    Thing.SLACK: {"SLACK_SECRET"},
    Thing.SLACK_QUEUE: {"CUTOVER_SLACK_QUEUE"},
    Thing.SCHEDULES: {"CUTOVER_SCHEDULE_GROUP", "CUTOVER_SCHEDULER_ROLE", "CUTOVER_CLEAN_UP", "CUTOVER_UNDELIVERED"},
    Thing.PROBE: {"CUTOVER_PROBE", "CUTOVER_PROBE_PLACE"},
}
BESIDE = {"invite": {"CUTOVER_DECIDE_URL", "CUTOVER_TOPIC"}}
"""What single functions are told beside that: where links lead, and whose neighbours the plan's topics are."""
EVERYBODY = {"POWERTOOLS_SERVICE_NAME", "POWERTOOLS_LOG_LEVEL", "SIMULATED"}


@pytest.fixture(scope="session")
def resources(template: Template) -> dict[Thing, list[Any]]:
    """What each thing is in the template."""
    bucket = arn(template.only("S3::Bucket"))

    def executions(machine: str) -> Any:
        name = {"Fn::GetAtt": [template.machine(machine), "Name"]}
        account = [{"Ref": "AWS::Partition"}, ":states:", {"Ref": "AWS::Region"}, ":", {"Ref": "AWS::AccountId"}]
        return {"Fn::Join": ["", ["arn:", *account, ":execution:", {"Fn::Join": [":", [name, "*"]]}]]}

    def in_the_account(kind: str, service: str = "ec2:*", which: str = "/*") -> Any:
        account = [{"Ref": "AWS::Partition"}, f":{service}:", {"Ref": "AWS::AccountId"}]
        return {"Fn::Join": ["", ["arn:", *account, f":{kind}{which}"]]}

    here = [{"Ref": "AWS::Partition"}, ":secretsmanager:", {"Ref": "AWS::Region"}, ":", {"Ref": "AWS::AccountId"}]

    def queue(concern: str) -> Any:
        (id_,) = (id_ for id_ in template.of("SQS::Queue") if id_.startswith(concern))
        return arn(id_)

    def secret(name: str) -> Any:
        (id_,) = (id_ for id_ in template.of("SecretsManager::Secret") if name in id_)
        return {"Fn::GetAtt": [id_, "Id"]}

    def in_the_region(service: str, what: str) -> Any:
        account = [{"Ref": "AWS::Partition"}, f":{service}:", {"Ref": "AWS::Region"}, ":", {"Ref": "AWS::AccountId"}]
        return {"Fn::Join": ["", ["arn:", *account, f":{what}"]]}

    def schedules() -> Any:
        account = [{"Ref": "AWS::Partition"}, ":scheduler:", {"Ref": "AWS::Region"}, ":", {"Ref": "AWS::AccountId"}]
        group = {"Ref": template.only("Scheduler::ScheduleGroup")}
        return {"Fn::Join": ["", ["arn:", *account, ":schedule/", group, "/*"]]}

    (scheduler_role,) = (id_ for id_ in template.of("IAM::Role") if "SchedulerRole" in id_)

    return {
        Thing.TABLE: [arn(template.only("DynamoDB::Table"))],
        Thing.STREAM: [{"Fn::GetAtt": [template.only("DynamoDB::Table"), "StreamArn"]}],
        Thing.STREAMS: ["*"],
        Thing.PLANS: [{"Fn::Join": ["", [bucket, "/plans/*"]]}],
        Thing.RUNS: [{"Fn::Join": ["", [bucket, "/runs/*"]]}],
        Thing.PLAN_MACHINE: [{"Ref": template.machine("Plan")}],
        Thing.EXECUTIONS: [executions("Plan"), executions("Wave")],
        Thing.TASK_TOKENS: ["*"],
        Thing.BUS: [arn(template.only("Events::EventBus"))],
        Thing.TOPIC: [{"Ref": template.only("SNS::Topic")}],
        Thing.TOPICS: [in_the_region("sns", "cutover-*")],
        Thing.SLACK_QUEUE: [queue("SlackQueue")],
        Thing.CLOUDENDURE: [secret("CloudEndureToken")],
        Thing.SLACK: [secret("SlackWebhook")],
        Thing.EC2: ["*"],
        Thing.MGN: ["*"],
        Thing.SOURCE_SERVERS: [in_the_account(kind, "mgn:*") for kind in ("source-server", "job")],
        Thing.LAUNCH_TEMPLATES: [in_the_account("launch-template")],
        Thing.MGN_ROLES: [in_the_account("role/service-role", "iam:", "/AWSApplicationMigration*")],
        Thing.MGN_TARGETS: ["*"],
        Thing.QUOTAS: ["*"],
        Thing.KEYS: [in_the_account("key", "kms:*")],
        Thing.PROFILES: [in_the_account("instance-profile", "iam:")],
        Thing.TARGETS: [in_the_account(kind) for kind in ("instance", "volume", "network-interface")],
        Thing.SCHEDULES: [schedules()],
        Thing.SCHEDULER_ROLE: [arn(scheduler_role)],
        **{
            thing: [in_the_account("instance")]
            for thing in (Thing.LATE_TARGETS, Thing.ROLLED_BACK_TARGETS, Thing.CUT_OVER_TARGETS, Thing.GUESTS)
        },
        Thing.STEP_FUNCTIONS: [in_the_account("function", "lambda:*", ":cutover-*")],
        Thing.STEP_SECRETS: [{"Fn::Join": ["", ["arn:", *here, ":secret:cutover/*"]]}],
        Thing.DOCUMENTS: [
            in_the_account("document", "ssm:*"),
            {"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":ssm:*::document/*"]]},
        ],
        Thing.STEP_NODES: [in_the_account("instance"), in_the_account("managed-instance", "ssm:*")],
        Thing.PROBE: [arn(template.function("probe"))],
        Thing.NODES: ["*"],
        Thing.MANAGED_NODES: [in_the_account("managed-instance", "ssm:*")],
        Thing.COMMANDS: ["*"],
        Thing.UNDELIVERED_REQUESTS: [queue("Requests")],
        Thing.UNDELIVERED_NEWS: [queue("News")],
        Thing.UNDELIVERED_DEATHS: [queue("Deaths")],
        Thing.UNDELIVERED_EVENTS: [queue("ServiceEvents")],
        Thing.UNDELIVERED_CHANGES: [queue("Changes")],
    }


def test_every_file_of_functions_is_deployed_and_nothing_else(template: Template) -> None:
    assert sorted(template.file_of(id_) for id_ in template.of("Lambda::Function")) == FUNCTION_FILES


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_may_do_what_its_row_says_and_nothing_else(
    name: str, template: Template, resources: dict[Thing, list[Any]]
) -> None:
    function = template.function(name)
    log = arn(template.properties(function)["LoggingConfig"]["LogGroup"]["Ref"])
    expected = {
        (action, json.dumps(resource, sort_keys=True))
        for thing, actions in FUNCTIONS[name].may.items()
        for action in actions
        for resource in resources[thing]
    } | {(action, json.dumps(log)) for action in ("logs:CreateLogStream", "logs:PutLogEvents")}

    assert template.rights_of(function) == expected


def test_no_role_has_rights_from_elsewhere(template: Template) -> None:
    for id_, role in template.of("IAM::Role").items():
        assert role["Properties"].keys() == {"AssumeRolePolicyDocument"}, id_


def test_no_policy_allows_every_action_of_a_service(template: Template) -> None:
    actions = {action for role in template.of("IAM::Role") for action, _ in template.rights(role)}
    assert actions
    assert not [action for action in actions if "*" in action]


def test_only_looking_around_answering_tasks_and_log_delivery_are_for_every_resource(template: Template) -> None:
    unbound = {
        action for role in template.of("IAM::Role") for action, resource in template.rights(role) if resource == '"*"'
    }
    # CloudWatch's log delivery, which Step Functions needs for a log group, takes no resource.
    delivery = {action for action in unbound if action.startswith("logs:")}
    answering = {"states:SendTaskSuccess"}  # a task is named by its token
    assert answering <= unbound
    looking = {tuple(action.split(":")) for action in unbound - delivery - answering - set(MGN_IN_EC2)}
    assert {service for service, _ in looking} == {"dynamodb", "ec2", "mgn", "servicequotas", "ssm"}
    assert all(name.startswith(("Describe", "Get", "List")) for _, name in looking)
    functions = {action for id_ in template.of("Lambda::Function") for action, _ in template.rights_of(id_)}
    assert not delivery & functions


@pytest.mark.parametrize(
    ("name", "action", "condition"),
    [
        ("watch_late_targets", "ec2:StopInstances", {"Null": {f"aws:ResourceTag/{late.ISOLATED_TAG}": "false"}}),
        ("stop_targets", "ec2:StopInstances", {"Null": {f"aws:ResourceTag/{stop_targets.ROLLED_BACK_TAG}": "false"}}),
        (
            "commit_targets",
            "ec2:ModifyInstanceAttribute",
            {"StringEquals": {"aws:ResourceTag/cutover:mode": "cutover"}},
        ),
    ],
)
def test_only_what_is_tagged_may_be_changed(
    name: str, action: str, condition: dict[str, Any], template: Template
) -> None:
    role = {"Ref": template.properties(template.function(name))["Role"]["Fn::GetAtt"][0]}
    assert [each["Condition"] for each in statements(template, action, role)] == [condition]


def test_machines_are_made_and_terminated_only_by_mgn_itself(template: Template) -> None:
    makes = [each for name in ("RunInstances", "TerminateInstances") for each in statements(template, f"ec2:{name}")]
    assert len(makes) == 4
    assert {json.dumps(each["Condition"]) for each in makes} == {'{"Bool": {"aws:ViaAWSService": "true"}}'}


def test_commands_are_sent_only_to_nodes_that_their_owner_has_tagged(template: Template) -> None:
    (nodes,) = (each for each in statements(template, "ssm:SendCommand") if "managed-instance" in json.dumps(each))
    tag = f"ssm:resourceTag/{planned_night.NODE_TAG}"
    assert nodes["Condition"] == {"StringEquals": {tag: planned_night.NODE_ALLOWED}}
    assert not [each for each in statements(template, "ssm:SendCommand") if '"*"' in json.dumps(each["Resource"])]


def test_the_prefixes_that_the_code_holds_are_those_that_the_rights_hold(resources: dict[Thing, list[Any]]) -> None:
    assert f":{planned_night.FUNCTIONS}*" in json.dumps(resources[Thing.STEP_FUNCTIONS])
    assert f":secret:{planned_night.SECRETS}*" in json.dumps(resources[Thing.STEP_SECRETS])


def statements(template: Template, action: str, role: Any = None) -> list[Any]:
    """What allows an action, in every policy or in those of one role."""
    return [
        statement
        for policy in template.of("IAM::Policy").values()
        if role is None or role in policy["Properties"]["Roles"]
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if action in many(statement["Action"])
    ]


def test_every_thing_that_is_wild_says_why(resources: dict[Thing, list[Any]]) -> None:
    assert {thing for thing, some in resources.items() if "*" in json.dumps(some)} == set(WILD)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_told_what_it_needs_and_nothing_else(name: str, template: Template) -> None:
    variables = template.properties(template.function(name))["Environment"]["Variables"]
    by_what_it_may = EVERYBODY.union(*(TOLD.get(thing, set()) for thing in FUNCTIONS[name].may))
    assert set(variables) == by_what_it_may | BESIDE.get(name, set())


def test_every_function_runs_the_one_asset_on_python_313_and_arm(template: Template) -> None:
    functions = [it["Properties"] for it in template.of("Lambda::Function").values()]
    assert {it["Runtime"] for it in functions} == {"python3.13"}
    assert {tuple(it["Architectures"]) for it in functions} == {("arm64",)}
    assert len({it["Code"]["S3Key"] for it in functions}) == 1


def test_the_asset_is_the_bundle_without_what_python_leaves_behind(assembly: Path, template: Template) -> None:
    key = template.properties(template.function("start"))["Code"]["S3Key"]
    asset, bundle = assembly / f"asset.{key.removesuffix('.zip')}", Bundle().folder
    packed = {path.relative_to(asset) for path in asset.rglob("*") if path.is_file()}
    there = {path.relative_to(bundle) for path in bundle.rglob("*") if path.is_file()}
    assert packed == {path for path in there if path.suffix != ".pyc"}


def test_the_timeout_of_a_function_is_its_rows(template: Template) -> None:
    seen = {template.file_of(id_): it["Properties"]["Timeout"] for id_, it in template.of("Lambda::Function").items()}
    assert seen == {name: row.timeout_seconds for name, row in FUNCTIONS.items()}
