"""The bucket's objects: compiled plans, job logs, evidence, and whatever else a run leaves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from cutover.errors import RunNotFound
from cutover.machine import Job
from cutover.plan import Plan, plan_key

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

_PLANS: dict[tuple[str, str], Plan] = {}
"""Plans read so far, by bucket and key."""


class Files:
    """What a run reads from the bucket and leaves in it."""

    def __init__(self, bucket: str, s3: S3Client) -> None:
        self._bucket, self._s3 = bucket, s3

    def plan(self, name: str, sha256: str) -> Plan:
        """The compiled plan stored under its hash, which never changes, so that it is read once while a function is
        warm; one that does not match its hash was tampered with."""
        key = plan_key(name, sha256)
        if (self._bucket, key) in _PLANS:
            return _PLANS[self._bucket, key]
        plan = Plan.from_json(self._read(key))
        if plan.sha256 != sha256:
            raise RunNotFound(f"the plan stored as {key} has another content than its name says")
        _PLANS[self._bucket, key] = plan
        return plan

    def write_plan(self, plan: Plan) -> None:
        self._write(plan.key, plan.canonical(), "application/json")

    def write_job(self, run_id: str, wave: int, job: Job) -> None:
        """The job with its whole log as read so far."""
        self._write(_job_key(run_id, wave, job.id), json.dumps(job.to_json(), indent=1), "application/json")

    def read_job(self, run_id: str, wave: int, job_id: str) -> Job:
        """What `write_job` wrote last."""
        return Job.from_json(json.loads(self._read(_job_key(run_id, wave, job_id))))

    def write_file(self, run_id: str, name: str, content: str | bytes, content_type: str) -> str:
        """A file of the run; its key in the bucket."""
        key = f"runs/{run_id}/{name}"
        self._write(key, content, content_type)
        return key

    def _read(self, key: str) -> str:
        try:
            return self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read().decode()
        except ClientError as error:
            # Without leave to list the bucket, a missing key is AccessDenied.
            if error.response["Error"]["Code"] in ("NoSuchKey", "AccessDenied"):
                raise RunNotFound(f"the bucket has no {key}, or this function may not read it") from error
            raise

    def _write(self, key: str, content: str | bytes, content_type: str) -> None:
        body = content.encode() if isinstance(content, str) else content
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType=content_type)


def _job_key(run_id: str, wave: int, job: str) -> str:
    return f"runs/{run_id}/wave-{wave:03}/job-{job}.json"
