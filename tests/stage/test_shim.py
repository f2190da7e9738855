"""The shim's parts, and the proof that each is still needed.

A test called `test_upstream_…` goes red once MiniStack or moto does by itself what a part of the shim does: delete the
part, its tests, and this one.
"""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.ec2.models.instances import Instance

from stage.aws.clock import ClockUnknown, SimulatorClock
from stage.aws.shim import functions, scheduler, service_events, waits
from stage.aws.shim.patch import replace_text


def upstream(module: str) -> Any:
    return importlib.import_module(f"ministack.{module}")


def source(module: str, name: str) -> str:
    return inspect.getsource(getattr(upstream(module), name))


def test_upstream_reports_every_exception_as_a_handler_error() -> None:
    assert functions.UPSTREAM_REPORT in upstream("core.lambda_runtime")._PYTHON_WORKER_SCRIPT
    assert 'error_type = "Runtime.HandlerError"' in source("services.lambda_svc", "_execute_function_warm")


def test_upstream_kills_the_worker_after_an_exception() -> None:
    assert 'if response.get("status") == "error":\n                proc, self._proc = self._proc, None' in source(
        "core.lambda_runtime", "Worker"
    )


def test_upstream_runs_functions_among_all_packages_of_the_emulator() -> None:
    assert "[binary, worker_path]," in source("core.lambda_runtime", "Worker")
    assert upstream("core.lambda_runtime")._detect_runtime_binary("python3.13")[0] == sys.executable


def test_upstream_answers_for_a_function_without_code() -> None:
    assert "Mock response - no code deployed" in source("services.lambda_svc", "_execute_function_warm")


def test_upstream_swallows_the_failure_of_a_callback_function() -> None:
    swallowed = "_call_lambda(func_ref, lambda_payload)\n        except _ExecutionError:\n            pass"
    assert swallowed in source("services.stepfunctions", "_invoke_with_callback")


def test_upstream_reads_one_time_schedules_as_utc() -> None:
    assert upstream("services.scheduler")._at_time_epoch("at(2020-07-01T12:00:00)") == 1593604800
    assert "Timezone" not in source("services.scheduler", "_tick_schedules")


def test_upstream_remembers_what_fired_by_name_and_apart_from_the_schedule() -> None:
    assert "_schedule_last_fired" not in source("services.scheduler", "_delete_schedule")
    assert "_schedule_last_fired" not in source("services.scheduler", "get_state")


def test_upstream_replaces_no_context_attributes_in_a_schedules_input() -> None:
    assert "aws.scheduler.scheduled-time" not in inspect.getsource(upstream("services.scheduler"))


def test_upstream_drops_half_of_a_schedules_properties_from_the_template() -> None:
    for name in ("_scheduler_schedule_create", "_scheduler_schedule_update"):
        text = source("services.cloudformation.provisioners", name)
        assert not [dropped for dropped in scheduler.DROPPED_BY_CLOUDFORMATION if dropped in text]


def test_upstream_ignores_the_longest_delay_of_a_retry() -> None:
    assert "MaxDelaySeconds" not in inspect.getsource(upstream("services.stepfunctions"))


def test_upstream_waits_for_a_timestamp_on_the_real_clock_only() -> None:
    assert "datetime.now(" in source("services.stepfunctions", "_sleep_until")


def test_upstream_waits_for_a_tasks_token_in_real_seconds() -> None:
    text = source("services.stepfunctions", "_invoke_with_callback")
    assert 'timeout = state_def.get("TimeoutSeconds", 99999)\n    if not evt.wait(timeout=timeout)' in text


def test_upstream_takes_no_event_of_a_service_of_aws() -> None:
    assert 'not allow_aws_source and isinstance(source, str) and source.startswith("aws.")' in source(
        "services.eventbridge", "_put_events"
    )


def test_upstream_scales_waits_and_retries_by_one_factor() -> None:
    """No part of the shim: what stage time rests on."""
    for name in ("_execute_wait", "_execute_task", "_with_retry_and_catch"):
        assert "_scaled_sleep(" in source("services.stepfunctions", name)


def test_upstream_lets_the_children_of_a_stopped_execution_go_on() -> None:
    assert "_start_sync_execution(request)" in source("services.stepfunctions", "_invoke_nested_start_execution_sync")
    assert "RUNNING" not in source("services.stepfunctions", "_run_sub_machine")
    assert '["sync"] = True' in source("services.stepfunctions", "_start_sync_execution")


def test_upstream_lets_a_late_failure_overwrite_aborted() -> None:
    assert "RUNNING" not in source("services.stepfunctions", "_fail_execution")


def test_upstream_fails_a_nested_task_with_the_childs_error_name() -> None:
    assert 'return decoded["Error"]' in source("services.stepfunctions", "_nested_execution_failure")


def test_upstream_saves_its_state_only_when_it_is_stopped_in_order() -> None:
    text = inspect.getsource(upstream("app"))
    assert text.count("save_all(_build_persistence_save_dict())") == 1
    assert "save_all(_build_persistence_save_dict())" in source("app", "_handle_lifespan").partition("shutdown")[2]


def test_upstream_would_save_the_values_of_secrets_and_no_objects_of_buckets() -> None:
    assert "SecretString" not in source("services.secretsmanager", "get_state")
    assert 'if k != "objects"' in source("services.s3", "get_state")


def test_upstream_keeps_a_stack_half_way_as_if_it_were_going_on() -> None:
    assert "IN_PROGRESS" not in source("services.cloudformation", "get_state")


@mock_aws
def test_upstream_ec2_makes_a_second_instance_for_the_same_client_token() -> None:
    ec2 = boto3.client("ec2", "eu-central-1")
    asked = {"ImageId": "ami-12c6146b", "MinCount": 1, "MaxCount": 1, "ClientToken": "token"}
    assert len({ec2.run_instances(**asked)["Instances"][0]["InstanceId"] for _ in range(2)}) == 2


def test_upstream_ec2_is_always_ok() -> None:
    for name in ("instance_status", "system_status"):
        assert '"Status": "ok"' in inspect.getsource(vars(Instance)[name].fget)


def test_upstream_text_that_changed_is_not_patched_silently() -> None:
    assert replace_text("one two", "two", "three") == "one three"
    for changed in ("one", "two two"):
        with pytest.raises(ValueError, match="MiniStack's text changed"):
            replace_text(changed, "two", "three")


def test_the_patched_worker_runs_without_the_packages_of_this_machine(tmp_path: Path) -> None:
    script = functions.worker_script(upstream("core.lambda_runtime")._PYTHON_WORKER_SCRIPT, tmp_path / "runtime")
    head = script.partition("\nimport sys, json")[0]
    worker = tmp_path / "worker.py"
    worker.write_text(f"{head}\nprint(sys.path)", encoding="utf-8")
    shown = subprocess.run([sys.executable, str(worker)], capture_output=True, text=True, check=True, cwd=tmp_path)
    path = shown.stdout
    assert str(tmp_path / "runtime") in path
    assert "site-packages" not in path


def schedule(expression: str, **more: Any) -> dict[str, Any]:
    return {"ScheduleExpression": expression, "Arn": "arn:aws:scheduler:r:1:schedule/g/n", "State": "ENABLED"} | more


def test_a_one_time_schedule_is_due_in_its_zone_once() -> None:
    berlin = schedule("at(2026-11-28T23:00:00)", ScheduleExpressionTimezone="Europe/Berlin")
    instant = datetime(2026, 11, 28, 22, tzinfo=UTC)
    assert scheduler.due(berlin, instant - timedelta(seconds=1)) is None
    assert scheduler.due(berlin, instant + timedelta(hours=3)) == instant
    berlin[scheduler.MEMORY] = {"expression": scheduler.expression_of(berlin), "at": instant.timestamp()}
    assert scheduler.due(berlin, instant + timedelta(days=1)) is None
    berlin["ScheduleExpression"] = "at(2026-11-29T23:00:00)"
    assert scheduler.due(berlin, instant + timedelta(days=1)) == instant + timedelta(days=1)


@pytest.mark.parametrize(
    ("expression", "first"),
    [("rate(5 minutes)", datetime(2026, 3, 28, 0, 5, tzinfo=UTC)), ("cron(30 2 * * ? *)", None)],
)
def test_a_recurring_schedule_starts_when_first_seen(expression: str, first: datetime | None) -> None:
    began = datetime(2026, 3, 28, tzinfo=UTC)
    recurring = schedule(expression, ScheduleExpressionTimezone="America/New_York")
    assert scheduler.due(recurring, began) is None
    # half past two in New York is 06:30 UTC in summer time
    expected = first or datetime(2026, 3, 28, 6, 30, tzinfo=UTC)
    assert scheduler.due(recurring, expected - timedelta(seconds=1)) is None
    assert scheduler.due(recurring, expected) == expected


def test_a_recurring_schedule_fires_again_only_after_a_breath() -> None:
    now = [100.0]
    breath = scheduler.Breath(lambda: now[0])
    assert breath.drawn("minutely")
    assert not breath.drawn("minutely")
    assert breath.drawn("another")
    now[0] += scheduler.BREATH_SECONDS
    assert breath.drawn("minutely")


def test_a_recurring_schedule_keeps_within_its_dates() -> None:
    bounded = schedule("rate(1 day)", StartDate="2026-01-02T00:00:00Z", EndDate=1767484800)  # until 4 January
    days = [day for day in range(1, 7) if scheduler.within(bounded, datetime(2026, 1, day, tzinfo=UTC))]
    assert days == [2, 3, 4]


def test_context_attributes_of_a_schedule_are_replaced_in_its_input() -> None:
    text = '{"at":"<aws.scheduler.scheduled-time>","of":"<aws.scheduler.schedule-arn>","keep":"<other>"}'
    assert scheduler.filled(text, schedule("at(x)"), datetime(2026, 11, 28, 22, tzinfo=UTC)) == (
        '{"at":"2026-11-28T22:00:00Z","of":"arn:aws:scheduler:r:1:schedule/g/n","keep":"<other>"}'
    )


def test_a_retry_never_waits_longer_than_its_longest_delay() -> None:
    retrier = {"ErrorEquals": ["E"], "IntervalSeconds": 10, "BackoffRate": 3, "MaxDelaySeconds": 40}
    find = waits.bounded(lambda retriers, error, counts: (retriers[0], 0))
    waited = [find([retrier], "E", {0: count})[0] for count in range(4)]
    assert [each["IntervalSeconds"] * each["BackoffRate"] ** 9 for each in waited] == [10, 30, 40, 40]


def test_only_the_sources_that_the_stage_plays_are_taken_for_aws() -> None:
    given: list[bool] = []
    put = service_events.taken(lambda data, allow_aws_source: given.append(allow_aws_source))
    for sources in (["aws.mgn"], ["aws.mgn", "aws.states"], ["aws.ec2"], ["cutover"]):
        put({"Entries": [{"Source": each} for each in sources]})
    assert given == [True, False, False, False]


def test_a_task_waits_for_its_token_on_the_stages_clock() -> None:
    given: list[dict[str, Any]] = []
    invoke = waits.impatient(lambda resource, payload, token, state: given.append(state), 0.01)
    for state in ({"TimeoutSeconds": 900, "Type": "Task"}, {"Type": "Task"}):
        invoke("lambda", {}, "token", state)
    assert given == [{"TimeoutSeconds": 9, "Type": "Task"}, {"Type": "Task"}]


def test_the_simulators_time_goes_on_between_samples_and_while_it_is_away() -> None:
    answers = [(datetime(2026, 11, 28, tzinfo=UTC), 60.0)]
    real = 100.0

    def read() -> tuple[datetime, float]:
        if not answers:
            raise ConnectionRefusedError
        return answers.pop()

    clock = SimulatorClock(read, lambda: real)
    with pytest.raises(ClockUnknown):
        clock()
    clock.sample()
    real = 101.0
    clock.sample()
    assert clock() == datetime(2026, 11, 28, 0, 1, tzinfo=UTC)
