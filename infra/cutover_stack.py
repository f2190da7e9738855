"""What is deployed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from aws_cdk import ArnFormat, CfnOutput, CfnParameter, Stack
from constructs import Construct

from infra.decisions import DecisionPage
from infra.function_table import FUNCTIONS, Thing, camel_case
from infra.functions import Functions
from infra.inside import Place, attach
from infra.messages import Messages
from infra.records import Records
from infra.secrets import Secrets
from infra.triggers import Changes, Deaths, News, Requests, ServiceEvents, SlackWriter, Watch
from infra.workflows import Workflows


class CutoverStack(Stack):
    """Plans are carried out by workflows, workflows call functions, functions keep records and send messages."""

    def __init__(self, scope: Construct, id_: str, *, bundle: Path, definitions: Path) -> None:
        """`bundle` is the folder Lambda gets, `definitions` the folder of the ASL files."""
        super().__init__(scope, id_, description="Hands-off server-migration cutovers")
        url = CfnParameter(
            self,
            "CloudEndureUrl",
            default="https://console.cloudendure.com",
            allowed_pattern="https?://.+",
            description="Where CloudEndure's API is: scheme and host, no path",
        )
        simulated = CfnParameter(
            self,
            "Simulated",
            default="false",
            allowed_values=["false", "true"],
            description="Whether the service behind the URL is a simulator; every piece of evidence says so",
        )

        records = Records(self, "Records")
        secrets = Secrets(self, "Secrets")
        messages = Messages(self, "Messages")
        functions = Functions(
            self,
            "Functions",
            bundle=bundle,
            environment={
                "POWERTOOLS_SERVICE_NAME": "cutover",
                "POWERTOOLS_LOG_LEVEL": "INFO",
                "SIMULATED": simulated.value_as_string,
            },
            told={
                Thing.TABLE: {"CUTOVER_TABLE": records.table.table_name},
                Thing.PLANS: {"CUTOVER_BUCKET": records.bucket.bucket_name},
                Thing.RUNS: {"CUTOVER_BUCKET": records.bucket.bucket_name},
                Thing.BUS: {"CUTOVER_BUS": messages.bus.event_bus_name},
                Thing.TOPIC: {"CUTOVER_TOPIC": messages.topic.topic_arn},
                Thing.SLACK: {"SLACK_SECRET": secrets.slack_arn},
                Thing.CLOUDENDURE: {
                    "CLOUDENDURE_URL": url.value_as_string,
                    "CLOUDENDURE_SECRET": secrets.cloudendure_arn,
                },
            },
        )
        function = functions.by_name
        workflows = Workflows(
            self,
            "Workflows",
            definitions=definitions,
            functions={camel_case(name): function[name].function_arn for name in FUNCTIONS},
        )
        place = Place.from_context(self)
        attach(function["probe"], place)
        function["verify_targets"].add_environment("CUTOVER_PROBE", function["probe"].function_arn)
        function["verify_targets"].add_environment("CUTOVER_PROBE_PLACE", place.words)
        function["start"].add_environment("CUTOVER_PLAN_MACHINE", workflows.plan.state_machine_arn)

        requests = Requests(
            self,
            "Requests",
            bus=messages.bus,
            start=function["start"],
            clean_up=function["clean_up"],
            topic=messages.topic,
        )
        for name, value in {
            "CUTOVER_SCHEDULE_GROUP": requests.schedules.ref,
            "CUTOVER_SCHEDULER_ROLE": requests.scheduler_role.role_arn,
            "CUTOVER_CLEAN_UP": function["clean_up"].function_arn,
            "CUTOVER_UNDELIVERED": requests.undelivered.queue.queue_arn,
        }.items():
            function["tell"].add_environment(name, value)
        news = News(
            self,
            "News",
            bus=messages.bus,
            notify={name: function[name] for name in ("notify_sns", "notify_slack")},
            invite=function["invite"],
            topic=messages.topic,
        )
        slack = SlackWriter(
            self,
            "Slack",
            bus=messages.bus,
            notify=news.targets["notify_slack"],
            write=function["write_slack"],
            topic=messages.topic,
        )
        for name in ("notify_slack", "write_slack"):
            function[name].add_environment("CUTOVER_SLACK_QUEUE", slack.queue.queue_url)
        function["invite"].add_environment("CUTOVER_TOPIC", messages.topic.topic_arn)  # its own are beside it
        page = DecisionPage.from_context(self, function["decide"], invite=function["invite"])
        deaths = Deaths(self, "Deaths", machine=workflows.plan, tell=function["tell_dead_run"], topic=messages.topic)
        heard = ServiceEvents(self, "ServiceEvents", bus=messages.bus, wake=function["wake"], topic=messages.topic)

        changes = Changes(
            self, "Changes", table=records.table, publish=function["publish_changes"], topic=messages.topic
        )
        for id_, name, minutes, looks in (
            ("Silence", "watch_silence", 1, "whether a run has fallen silent"),
            ("Replication", "watch_replication", 5, "how replication stands"),
        ):
            Watch(
                self,
                id_,
                name=name,
                function=function[name],
                minutes=minutes,
                looks=looks,
                schedules=requests.schedules,
                topic=messages.topic,
            )

        functions.allow(
            {
                Thing.TABLE: [records.table.table_arn],
                Thing.STREAM: [changes.stream],
                Thing.STREAMS: ["*"],
                Thing.PLANS: [records.bucket.arn_for_objects("plans/*")],
                Thing.RUNS: [records.bucket.arn_for_objects("runs/*")],
                Thing.PLAN_MACHINE: [workflows.plan.state_machine_arn],
                Thing.EXECUTIONS: [workflows.executions_of(machine) for machine in (workflows.plan, workflows.wave)],
                Thing.TASK_TOKENS: ["*"],
                Thing.BUS: [messages.bus.event_bus_arn],
                Thing.TOPIC: [messages.topic.topic_arn],
                Thing.TOPICS: [self.format_arn(service="sns", resource="cutover-*")],
                Thing.SLACK_QUEUE: [slack.queue.queue_arn],
                Thing.CLOUDENDURE: [secrets.cloudendure_arn],
                Thing.SLACK: [secrets.slack_arn],
                Thing.EC2: ["*"],
                Thing.MGN: ["*"],
                # Servers are where the plan says, in any region of the account.
                Thing.SOURCE_SERVERS: [
                    self.format_arn(service="mgn", region="*", resource=kind, resource_name="*")
                    for kind in ("source-server", "job")
                ],
                Thing.LAUNCH_TEMPLATES: [
                    self.format_arn(service="ec2", region="*", resource="launch-template", resource_name="*")
                ],
                Thing.MGN_ROLES: [
                    self.format_arn(
                        service="iam", region="", resource="role", resource_name="service-role/AWSApplicationMigration*"
                    )
                ],
                Thing.MGN_TARGETS: ["*"],
                Thing.QUOTAS: ["*"],
                Thing.KEYS: [self.format_arn(service="kms", region="*", resource="key", resource_name="*")],
                Thing.PROFILES: [
                    self.format_arn(service="iam", region="", resource="instance-profile", resource_name="*")
                ],
                # Targets are launched where the plan says, in any region of the account.
                Thing.TARGETS: [
                    self.format_arn(service="ec2", region="*", resource=kind, resource_name="*")
                    for kind in ("instance", "volume", "network-interface")
                ],
                **{
                    thing: [self.format_arn(service="ec2", region="*", resource="instance", resource_name="*")]
                    for thing in (Thing.LATE_TARGETS, Thing.ROLLED_BACK_TARGETS, Thing.CUT_OVER_TARGETS)
                },
                Thing.SCHEDULES: [
                    self.format_arn(
                        service="scheduler", resource="schedule", resource_name=f"{requests.schedules.ref}/*"
                    )
                ],
                Thing.SCHEDULER_ROLE: [requests.scheduler_role.role_arn],
                Thing.STEP_FUNCTIONS: [
                    self.format_arn(
                        service="lambda",
                        region="*",
                        resource="function",
                        resource_name="cutover-*",
                        arn_format=ArnFormat.COLON_RESOURCE_NAME,
                    )
                ],
                Thing.STEP_SECRETS: [
                    self.format_arn(
                        service="secretsmanager",
                        resource="secret",
                        resource_name="cutover/*",
                        arn_format=ArnFormat.COLON_RESOURCE_NAME,
                    )
                ],
                Thing.DOCUMENTS: [
                    self.format_arn(service="ssm", region="*", account=account, resource="document", resource_name="*")
                    for account in (self.account, "")
                ],
                Thing.STEP_NODES: [
                    self.format_arn(service=service, region="*", resource=kind, resource_name="*")
                    for service, kind in (("ec2", "instance"), ("ssm", "managed-instance"))
                ],
                Thing.PROBE: [function["probe"].function_arn],
                Thing.GUESTS: [self.format_arn(service="ec2", region="*", resource="instance", resource_name="*")],
                Thing.NODES: ["*"],
                Thing.MANAGED_NODES: [
                    self.format_arn(service="ssm", region="*", resource="managed-instance", resource_name="*")
                ],
                Thing.COMMANDS: ["*"],
                Thing.UNDELIVERED_REQUESTS: [requests.undelivered.queue.queue_arn],
                Thing.UNDELIVERED_NEWS: [news.undelivered.queue.queue_arn],
                Thing.UNDELIVERED_DEATHS: [deaths.undelivered.queue.queue_arn],
                Thing.UNDELIVERED_EVENTS: [heard.undelivered.queue.queue_arn],
                Thing.UNDELIVERED_CHANGES: [changes.undelivered.queue.queue_arn],
            }
        )
        self._outputs(
            {
                "TableName": records.table.table_name,
                "BucketName": records.bucket.bucket_name,
                "BusName": messages.bus.event_bus_name,
                "TopicArn": messages.topic.topic_arn,
                "StartFunctionArn": function["start"].function_arn,
                "CleanUpFunctionArn": function["clean_up"].function_arn,
                "FinalizeFunctionArn": function["finalize"].function_arn,
                "PlanMachineArn": workflows.plan.state_machine_arn,
                "WaveMachineArn": workflows.wave.state_machine_arn,
                "SchedulerRoleArn": requests.scheduler_role.role_arn,
                "ScheduleGroupName": requests.schedules.ref,
                "ScheduleDeadLetterArn": requests.undelivered.queue.queue_arn,
                "CloudEndureSecretArn": secrets.cloudendure_arn,
                "SlackSecretArn": secrets.slack_arn,
                **({"DecisionUrl": page.url} if page else {}),
            }
        )

    def _outputs(self, values: Mapping[str, str]) -> None:
        for name, value in values.items():
            CfnOutput(self, name, value=value)
