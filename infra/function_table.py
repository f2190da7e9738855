"""What each function may take and do: one row per file in functions/, and the only place to change it.

A row's name is the file's; in CamelCase it is the construct's id and the placeholder in statemachines/. What a function
may do decides what it is told: whoever may read the table gets the table's name. Free of the CDK, so that it can be
read without starting it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

Actions = tuple[str, ...]

MGN_TAG = "AWSApplicationMigrationServiceManaged"
"""On everything in EC2 that MGN makes and keeps."""


class Thing(Enum):
    """What a function may be allowed to touch."""

    TABLE = auto()
    STREAM = auto()  # what changes in the table
    STREAMS = auto()  # the names of the account's streams
    PLANS = auto()  # the bucket's compiled plans
    RUNS = auto()  # the bucket's job logs and evidence
    PLAN_MACHINE = auto()
    EXECUTIONS = auto()  # of both state machines
    TASK_TOKENS = auto()  # of tasks that wait to be answered
    BUS = auto()
    TOPIC = auto()
    TOPICS = auto()  # topics of the account that plans name
    SLACK_QUEUE = auto()  # what is to be written to Slack, in order
    CLOUDENDURE = auto()  # the secret with the API token; who has it speaks to the service
    MGN = auto()  # looking at the account's source servers and jobs
    SOURCE_SERVERS = auto()  # of MGN, and its jobs
    LAUNCH_TEMPLATES = auto()  # of EC2, those that MGN keeps for its source servers
    MGN_ROLES = auto()  # that MGN gives to the instances it works with
    MGN_TARGETS = auto()  # what MGN makes and deletes in EC2 by the rights of whoever asked it to
    SLACK = auto()  # the secret with the webhook's URL
    EC2 = auto()  # looking around
    QUOTAS = auto()
    KEYS = auto()  # KMS keys of the account
    PROFILES = auto()  # instance profiles of the account
    TARGETS = auto()  # instances, volumes and network interfaces of the account
    LATE_TARGETS = auto()  # instances that a run has tagged as come too late
    ROLLED_BACK_TARGETS = auto()  # instances that a run has tagged as taken back
    CUT_OVER_TARGETS = auto()  # instances that a run has launched as a cutover
    SCHEDULES = auto()  # of this deployment's group
    SCHEDULER_ROLE = auto()  # handed to the schedules
    STEP_FUNCTIONS = auto()  # functions of the account that steps of plans invoke
    STEP_SECRETS = auto()  # secrets that steps of plans send to webhooks
    DOCUMENTS = auto()  # SSM documents that plans have run: the account's, and those that AWS publishes
    STEP_NODES = auto()  # instances and managed nodes on which they run
    GUESTS = auto()  # targets of runs, for commands inside of them
    NODES = auto()  # whether nodes are heard of
    MANAGED_NODES = auto()  # the tags of nodes that are not instances
    COMMANDS = auto()  # what became of SSM commands
    PROBE = auto()  # the function that looks from inside of the targets' network
    UNDELIVERED_REQUESTS = auto()  # the queues for events that their function gave up on
    UNDELIVERED_NEWS = auto()
    UNDELIVERED_DEATHS = auto()
    UNDELIVERED_EVENTS = auto()
    UNDELIVERED_CHANGES = auto()


# Why a function may touch more of a thing than one named resource; where nothing is said here, nothing is wild.
WILD: Mapping[Thing, str] = {
    Thing.STREAMS: "Listing streams, which Lambda does for whom it calls, takes no resource.",
    Thing.PLANS: "An object per compiled plan, named by its content.",
    Thing.RUNS: "Objects per run, named by the run.",
    Thing.TOPICS: "Plans name the topics; only those called cutover-…, in this account and region.",
    Thing.EXECUTIONS: "An execution per attempt, named by the run.",
    Thing.TASK_TOKENS: "Answering a task takes no resource: its token says which one.",
    Thing.EC2: "EC2's Describe actions take no resource (Service Authorization Reference).",
    Thing.MGN: "MGN's Describe and List actions take no resource (Service Authorization Reference).",
    Thing.SOURCE_SERVERS: "Plans name the servers; only source servers and jobs of MGN, and only in this account.",
    Thing.LAUNCH_TEMPLATES: "One for each source server, made by MGN; and only those that carry its tag.",
    Thing.MGN_ROLES: "Made by MGN when it is initialised; only its own, only in this account, and only for EC2.",
    Thing.MGN_TARGETS: "What a launch makes does not exist before it; and only where MGN itself asks for it.",
    Thing.QUOTAS: "Reading a quota takes no resource (Service Authorization Reference).",
    Thing.KEYS: "The key is named by the replication settings of each project; this account's, only described.",
    Thing.PROFILES: "The profiles are named by each machine's launch configuration; this account's, only read.",
    Thing.TARGETS: "Targets do not exist before they are launched; only their kinds, and only in this account.",
    Thing.SCHEDULES: "A schedule for each look of a clean-up, named by the run; only in this deployment's group.",
    Thing.LATE_TARGETS: "The same; and only instances that carry the tag cutover:isolated.",
    Thing.ROLLED_BACK_TARGETS: "The same; and only instances that carry the tag cutover:rolled-back.",
    Thing.CUT_OVER_TARGETS: "The same; and only instances that carry the tag cutover:mode with the value cutover.",
    Thing.STEP_FUNCTIONS: "Plans name the functions; only those called cutover-…, and only in this account.",
    Thing.STEP_SECRETS: "Plans name the secrets; only those called cutover/…, and only in this account.",
    Thing.DOCUMENTS: "Plans name the documents; what they may run on is bounded by the nodes and the targets.",
    Thing.STEP_NODES: "Plans name the nodes; only those that carry the tag cutover:commands with the value allowed.",
    Thing.GUESTS: "Targets do not exist before they are launched; and only instances that carry the tag cutover:run.",
    Thing.NODES: "Describing nodes takes no resource (Service Authorization Reference).",
    Thing.MANAGED_NODES: "Plans name the nodes; this account's, and only their tags are read.",
    Thing.COMMANDS: "Reading what became of a command takes no resource (Service Authorization Reference).",
}

# Under which condition a thing may be touched, where its name does not say enough.
ONLY_IF: Mapping[Thing, Mapping[str, Mapping[str, str]]] = {
    Thing.SCHEDULER_ROLE: {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}},
    Thing.LATE_TARGETS: {"Null": {"aws:ResourceTag/cutover:isolated": "false"}},
    Thing.ROLLED_BACK_TARGETS: {"Null": {"aws:ResourceTag/cutover:rolled-back": "false"}},
    Thing.GUESTS: {"Null": {"aws:ResourceTag/cutover:run": "false"}},
    Thing.CUT_OVER_TARGETS: {"StringEquals": {"aws:ResourceTag/cutover:mode": "cutover"}},
    Thing.LAUNCH_TEMPLATES: {"StringEquals": {f"aws:ResourceTag/{MGN_TAG}": "mgn.amazonaws.com"}},
    Thing.MGN_ROLES: {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}},
    Thing.MGN_TARGETS: {"Bool": {"aws:ViaAWSService": "true"}},
    Thing.STEP_NODES: {"StringEquals": {"ssm:resourceTag/cutover:commands": "allowed"}},
}


@dataclass(frozen=True)
class Row:
    """One function: its Lambda timeout, in seconds, and the IAM actions it may use on each thing."""

    timeout_seconds: int
    may: Mapping[Thing, Actions]


def _dynamodb(*names: str) -> Actions:
    return tuple(f"dynamodb:{name}" for name in names)


def _mgn(*names: str) -> Actions:
    return tuple(f"mgn:{name}" for name in names)


GET_OBJECT: Actions = ("s3:GetObject",)
PUT_OBJECT: Actions = ("s3:PutObject",)
GET_SECRET: Actions = ("secretsmanager:GetSecretValue",)
PUT_EVENTS: Actions = ("events:PutEvents",)
SEND_COMMAND: Actions = ("ssm:SendCommand",)
PUT_ASIDE: Actions = ("sqs:SendMessage",)
PUBLISH: Actions = ("sns:Publish",)
ANSWER_TASK: Actions = ("states:SendTaskSuccess",)

DESCRIBE_INSTANCES: Actions = (
    "ec2:DescribeInstances",
    "ec2:DescribeInstanceStatus",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
)
SEE_TEMPLATES: Actions = ("ec2:DescribeLaunchTemplateVersions",)
WRITE_TEMPLATES: Actions = ("ec2:CreateLaunchTemplateVersion", "ec2:ModifyLaunchTemplate")
SEE_PROTECTION: Actions = ("ec2:DescribeInstanceAttribute",)

# Launching and terminating, MGN works in EC2 with the rights of whoever asked it; these are those of AWS's policy
# AWSApplicationMigrationEC2Access that a launch and a termination need.
MGN_IN_EC2: Actions = tuple(
    f"ec2:{name}"
    for name in (
        "AttachVolume",
        "CreateSecurityGroup",
        "CreateSnapshot",
        "CreateTags",
        "CreateVolume",
        "DeleteSnapshot",
        "DeleteVolume",
        "DescribeAccountAttributes",
        "DescribeAvailabilityZones",
        "DescribeImages",
        "DescribeInstanceAttribute",
        "DescribeInstanceStatus",
        "DescribeInstanceTypes",
        "DescribeInstances",
        "DescribeLaunchTemplateVersions",
        "DescribeLaunchTemplates",
        "DescribeSecurityGroups",
        "DescribeSnapshots",
        "DescribeSubnets",
        "DescribeVolumes",
        "DetachVolume",
        "ModifyInstanceAttribute",
        "ModifyVolume",
        "RunInstances",
        "StartInstances",
        "StopInstances",
        "TerminateInstances",
    )
)

# What preflight looks at in EC2; functions/cutover/survey_ec2.py asks for these and no others.
PREFLIGHT_EC2: Actions = (
    "ec2:DescribeInstances",
    "ec2:DescribeInstanceTypeOfferings",
    "ec2:DescribeInstanceTypes",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeRouteTables",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVolumes",
)

# What comes after a run looks at all that it left, and writes down what became of it.
AFTERMATH: Mapping[Thing, Actions] = {
    Thing.TABLE: _dynamodb("GetItem", "PutItem", "UpdateItem", "Query", "BatchGetItem"),
    Thing.PLANS: GET_OBJECT,
    Thing.RUNS: PUT_OBJECT,
    Thing.CLOUDENDURE: GET_SECRET,
    Thing.EC2: DESCRIBE_INSTANCES + SEE_PROTECTION,
}

# How a run is closed is the same whether the workflow does it or somebody has to after the workflow died.
CLOSE_RUN: Mapping[Thing, Actions] = {
    Thing.TABLE: _dynamodb("GetItem", "PutItem", "UpdateItem", "Query", "BatchWriteItem"),
    Thing.PLANS: GET_OBJECT,
    Thing.RUNS: GET_OBJECT + PUT_OBJECT,
    Thing.EXECUTIONS: ("states:GetExecutionHistory",),
}

FUNCTIONS: Mapping[str, Row] = {
    "start": Row(
        30,
        {
            Thing.TABLE: _dynamodb("GetItem", "PutItem", "UpdateItem"),
            Thing.PLANS: GET_OBJECT,
            Thing.PLAN_MACHINE: ("states:StartExecution",),
            Thing.EXECUTIONS: ("states:DescribeExecution",),
            Thing.UNDELIVERED_REQUESTS: PUT_ASIDE,
        },
    ),
    "open_run": Row(
        300,
        {
            Thing.TABLE: _dynamodb(
                "GetItem", "PutItem", "UpdateItem", "Query", "BatchWriteItem", "BatchGetItem", "ConditionCheckItem"
            ),
            Thing.PLANS: GET_OBJECT + PUT_OBJECT,
            Thing.CLOUDENDURE: GET_SECRET,
            Thing.MGN: _mgn("DescribeJobs", "DescribeSourceServers", "ListApplications", "ListWaves"),
            Thing.SOURCE_SERVERS: _mgn("GetLaunchConfiguration", "GetReplicationConfiguration"),
            Thing.EC2: tuple(sorted({*PREFLIGHT_EC2, *DESCRIBE_INSTANCES, *SEE_PROTECTION, *SEE_TEMPLATES})),
            Thing.QUOTAS: ("servicequotas:GetServiceQuota", "servicequotas:GetAWSDefaultServiceQuota"),
            Thing.KEYS: ("kms:DescribeKey",),
            Thing.PROFILES: ("iam:GetInstanceProfile",),
            Thing.NODES: ("ssm:DescribeInstanceInformation",),
            Thing.MANAGED_NODES: ("ssm:ListTagsForResource",),
        },
    ),
    "next_part": Row(
        120,
        {
            Thing.TABLE: _dynamodb("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "BatchWriteItem"),
            Thing.PLANS: GET_OBJECT,
            Thing.CLOUDENDURE: GET_SECRET,
            Thing.MGN: _mgn("DescribeJobs"),
        },
    ),
    "check_plan": Row(
        300,
        {
            Thing.TABLE: _dynamodb("GetItem", "PutItem", "UpdateItem", "Query", "BatchWriteItem"),
            Thing.PLANS: GET_OBJECT,
            Thing.CLOUDENDURE: GET_SECRET,
            Thing.MGN: _mgn("DescribeSourceServers"),
        },
    ),
    "ask": Row(
        120,
        {
            Thing.TABLE: _dynamodb("GetItem", "PutItem", "UpdateItem", "DeleteItem"),
            Thing.PLANS: GET_OBJECT,
            Thing.CLOUDENDURE: GET_SECRET,
            Thing.MGN: _mgn("DescribeJobs"),
        },
    ),
    "carry_out_steps": Row(
        300,
        {
            Thing.TABLE: _dynamodb("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query"),
            Thing.PLANS: GET_OBJECT,
            Thing.CLOUDENDURE: GET_SECRET,
            Thing.MGN: _mgn("DescribeJobs", "DescribeSourceServers"),
            Thing.STEP_FUNCTIONS: ("lambda:InvokeFunction",),
            Thing.STEP_SECRETS: GET_SECRET,
            Thing.DOCUMENTS: SEND_COMMAND,
            Thing.STEP_NODES: SEND_COMMAND,
            Thing.COMMANDS: ("ssm:GetCommandInvocation",),
        },
    ),
    "prove_zero_loss": Row(
        120,
        {
            Thing.TABLE: _dynamodb("GetItem", "PutItem", "UpdateItem", "Query"),
            Thing.PLANS: GET_OBJECT,
            Thing.CLOUDENDURE: GET_SECRET,
            Thing.MGN: _mgn("DescribeSourceServers"),
        },
    ),
    "hold": Row(
        120,
        {
            Thing.TABLE: _dynamodb("GetItem", "PutItem", "UpdateItem"),
            Thing.PLANS: GET_OBJECT,
            Thing.CLOUDENDURE: GET_SECRET,
            Thing.MGN: _mgn("DescribeJobs"),
        },
    ),
    "stop_targets": Row(
        300,
        {
            Thing.TABLE: _dynamodb("GetItem", "PutItem", "UpdateItem", "Query", "BatchWriteItem"),
            Thing.PLANS: GET_OBJECT,
            Thing.CLOUDENDURE: GET_SECRET,
            Thing.MGN: _mgn("DescribeJobs"),
            Thing.EC2: DESCRIBE_INSTANCES,
            Thing.TARGETS: ("ec2:CreateTags",),
            Thing.ROLLED_BACK_TARGETS: ("ec2:StopInstances",),
        },
    ),
    "commit_targets": Row(
        300,
        {
            Thing.TABLE: _dynamodb("GetItem", "PutItem", "UpdateItem", "Query"),
            Thing.PLANS: GET_OBJECT,
            Thing.CLOUDENDURE: GET_SECRET,
            Thing.MGN: _mgn("DescribeJobs"),
            Thing.CUT_OVER_TARGETS: ("ec2:ModifyInstanceAttribute",),
        },
    ),
    "check_readiness": Row(
        120,
        {
            Thing.TABLE: _dynamodb("GetItem", "PutItem", "UpdateItem", "Query", "BatchWriteItem"),
            Thing.PLANS: GET_OBJECT,
            Thing.CLOUDENDURE: GET_SECRET,
            Thing.MGN: _mgn("DescribeJobs", "DescribeSourceServers"),
        },
    ),
    "configure_targets": Row(
        300,
        {
            Thing.TABLE: _dynamodb("GetItem", "PutItem", "UpdateItem", "Query", "BatchWriteItem", "BatchGetItem"),
            Thing.PLANS: GET_OBJECT,
            Thing.CLOUDENDURE: GET_SECRET,
            Thing.MGN: _mgn("DescribeSourceServers"),
            Thing.SOURCE_SERVERS: _mgn("GetLaunchConfiguration", "UpdateLaunchConfiguration"),
            Thing.LAUNCH_TEMPLATES: WRITE_TEMPLATES,
            Thing.EC2: ("ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", *SEE_TEMPLATES),
        },
    ),
    "launch_targets": Row(
        300,
        {
            Thing.TABLE: _dynamodb(
                "GetItem", "PutItem", "UpdateItem", "Query", "BatchWriteItem", "BatchGetItem", "ConditionCheckItem"
            ),
            Thing.PLANS: GET_OBJECT,
            Thing.CLOUDENDURE: GET_SECRET,
            Thing.MGN: _mgn("DescribeJobs", "DescribeSourceServers"),
            Thing.SOURCE_SERVERS: _mgn("ChangeServerLifeCycleState", "StartCutover", "StartTest", "TagResource"),
            Thing.MGN_ROLES: ("iam:PassRole",),
            Thing.MGN_TARGETS: MGN_IN_EC2,
            Thing.EC2: DESCRIBE_INSTANCES + SEE_PROTECTION,
        },
    ),
    "find_launch": Row(
        120,
        {
            Thing.TABLE: _dynamodb("GetItem", "PutItem", "UpdateItem", "Query"),
            Thing.PLANS: GET_OBJECT,
            Thing.CLOUDENDURE: GET_SECRET,
            Thing.MGN: _mgn("DescribeJobs", "DescribeSourceServers"),
            Thing.SOURCE_SERVERS: _mgn("DescribeJobLogItems"),
        },
    ),
    "follow_job": Row(
        120,
        {
            Thing.TABLE: _dynamodb("GetItem", "PutItem", "UpdateItem"),
            Thing.PLANS: GET_OBJECT,
            Thing.RUNS: PUT_OBJECT,
            Thing.CLOUDENDURE: GET_SECRET,
            Thing.MGN: _mgn("DescribeJobs"),
            Thing.SOURCE_SERVERS: _mgn("DescribeJobLogItems"),
        },
    ),
    "verify_targets": Row(
        300,
        {
            Thing.TABLE: _dynamodb("GetItem", "PutItem", "UpdateItem", "Query", "BatchWriteItem"),
            Thing.PLANS: GET_OBJECT,
            Thing.RUNS: GET_OBJECT + PUT_OBJECT,
            Thing.CLOUDENDURE: GET_SECRET,
            Thing.MGN: _mgn("DescribeSourceServers"),
            Thing.EC2: (*DESCRIBE_INSTANCES, "ec2:DescribeVolumes"),
            Thing.TARGETS: ("ec2:CreateTags", "ec2:GetConsoleOutput", "ec2:GetConsoleScreenshot"),
            Thing.PROBE: ("lambda:InvokeFunction",),
            Thing.DOCUMENTS: SEND_COMMAND,
            Thing.GUESTS: SEND_COMMAND,
            Thing.COMMANDS: ("ssm:GetCommandInvocation",),
        },
    ),
    "await_event": Row(
        30,
        {
            Thing.TABLE: _dynamodb("GetItem", "UpdateItem"),
            Thing.PLANS: GET_OBJECT,
            Thing.TASK_TOKENS: ANSWER_TASK,
        },
    ),
    "wake": Row(
        30,
        {
            Thing.TABLE: _dynamodb("UpdateItem", "Query"),
            Thing.TASK_TOKENS: ANSWER_TASK,
            Thing.UNDELIVERED_EVENTS: PUT_ASIDE,
        },
    ),
    # It looks from inside of the targets' network and may do nothing else; the network is attached by configuration.
    "probe": Row(60, {}),
    "watch_late_targets": Row(
        300,
        {
            Thing.TABLE: _dynamodb("GetItem", "PutItem", "UpdateItem", "Query", "BatchWriteItem"),
            Thing.PLANS: GET_OBJECT,
            Thing.RUNS: GET_OBJECT + PUT_OBJECT,
            Thing.EXECUTIONS: ("states:GetExecutionHistory",),
            Thing.CLOUDENDURE: GET_SECRET,
            Thing.MGN: _mgn("DescribeJobs", "DescribeSourceServers"),
            Thing.SOURCE_SERVERS: _mgn("DescribeJobLogItems"),
            Thing.EC2: DESCRIBE_INSTANCES,
            Thing.TARGETS: ("ec2:CreateTags",),
            Thing.LATE_TARGETS: ("ec2:StopInstances",),
        },
    ),
    "close_wave": Row(
        120,
        {
            Thing.TABLE: _dynamodb("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "BatchWriteItem"),
            Thing.PLANS: GET_OBJECT,
        },
    ),
    "give_back": Row(
        300,
        {
            Thing.TABLE: _dynamodb("GetItem", "UpdateItem", "Query", "BatchWriteItem", "BatchGetItem"),
            Thing.PLANS: GET_OBJECT,
            Thing.CLOUDENDURE: GET_SECRET,
            Thing.MGN: _mgn("DescribeSourceServers"),
            Thing.SOURCE_SERVERS: _mgn("GetLaunchConfiguration", "UpdateLaunchConfiguration"),
            Thing.LAUNCH_TEMPLATES: WRITE_TEMPLATES,
            Thing.EC2: SEE_TEMPLATES,
        },
    ),
    "close_run": Row(300, CLOSE_RUN),
    "tell": Row(
        30,
        {
            Thing.TABLE: _dynamodb("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query"),
            Thing.PLANS: GET_OBJECT,
            Thing.BUS: PUT_EVENTS,
            Thing.SCHEDULES: ("scheduler:CreateSchedule",),
            Thing.SCHEDULER_ROLE: ("iam:PassRole",),
        },
    ),
    "tell_dead_run": Row(
        120,
        {
            **CLOSE_RUN,
            Thing.TABLE: (*CLOSE_RUN[Thing.TABLE], *_dynamodb("DeleteItem")),
            Thing.BUS: PUT_EVENTS,
            Thing.UNDELIVERED_DEATHS: PUT_ASIDE,
        },
    ),
    "clean_up": Row(
        300,
        {
            **AFTERMATH,
            Thing.MGN: _mgn("DescribeJobs", "DescribeSourceServers"),
            Thing.SOURCE_SERVERS: _mgn("ChangeServerLifeCycleState", "DescribeJobLogItems", "TerminateTargetInstances"),
            Thing.MGN_TARGETS: MGN_IN_EC2,
            Thing.UNDELIVERED_REQUESTS: PUT_ASIDE,
        },
    ),
    "finalize": Row(
        300,
        {
            **AFTERMATH,
            Thing.MGN: _mgn("DescribeSourceServers"),
            Thing.SOURCE_SERVERS: _mgn("FinalizeCutover", "MarkAsArchived"),
        },
    ),
    "watch_silence": Row(
        120,
        {
            Thing.TABLE: _dynamodb("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query"),
            Thing.PLANS: GET_OBJECT,
            Thing.CLOUDENDURE: GET_SECRET,
            Thing.MGN: _mgn("DescribeJobs"),
            Thing.BUS: PUT_EVENTS,
        },
    ),
    "watch_replication": Row(
        120,
        {
            Thing.TABLE: _dynamodb("GetItem", "PutItem", "UpdateItem", "Query"),
            Thing.PLANS: GET_OBJECT,
            Thing.CLOUDENDURE: GET_SECRET,
            Thing.MGN: _mgn("DescribeSourceServers", "ListApplications", "ListWaves"),
            Thing.BUS: PUT_EVENTS,
        },
    ),
    "publish_changes": Row(
        60,
        {
            Thing.STREAM: _dynamodb("DescribeStream", "GetRecords", "GetShardIterator"),
            Thing.STREAMS: _dynamodb("ListStreams"),
            Thing.RUNS: GET_OBJECT,
            Thing.BUS: PUT_EVENTS,
            Thing.UNDELIVERED_CHANGES: PUT_ASIDE,
        },
    ),
    "notify_sns": Row(30, {Thing.TOPIC: PUBLISH, Thing.TOPICS: PUBLISH, Thing.UNDELIVERED_NEWS: PUT_ASIDE}),
    "notify_slack": Row(30, {Thing.SLACK: GET_SECRET, Thing.SLACK_QUEUE: PUT_ASIDE, Thing.UNDELIVERED_NEWS: PUT_ASIDE}),
    "invite": Row(
        60,
        {
            Thing.TABLE: _dynamodb("GetItem", "PutItem", "Query"),
            Thing.PLANS: GET_OBJECT,
            Thing.SLACK: GET_SECRET,
            Thing.TOPICS: PUBLISH,
            Thing.UNDELIVERED_NEWS: PUT_ASIDE,
        },
    ),
    "decide": Row(
        30,
        {
            Thing.TABLE: _dynamodb("ConditionCheckItem", "GetItem", "PutItem", "Query", "UpdateItem"),
            Thing.PLANS: GET_OBJECT,
            Thing.SLACK: GET_SECRET,
        },
    ),
    "write_slack": Row(
        60,
        {
            Thing.TABLE: _dynamodb("GetItem", "PutItem", "Query"),
            Thing.PLANS: GET_OBJECT,
            Thing.SLACK: GET_SECRET,
            Thing.SLACK_QUEUE: (
                "sqs:ChangeMessageVisibility",
                "sqs:DeleteMessage",
                "sqs:GetQueueAttributes",
                "sqs:ReceiveMessage",
            ),
        },
    ),
}


def camel_case(name: str) -> str:
    """The construct's id and the placeholder of a function file: `open_run` is `OpenRun`."""
    return "".join(part.capitalize() for part in name.split("_"))
