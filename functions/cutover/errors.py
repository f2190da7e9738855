"""What can go wrong, by name. The class names are a contract: the state machines match them.

CutoverError
├── ServiceUnavailable        no answer, a broken answer, or 5xx: ask again later
├── ServiceThrottled          429: ask again later, more slowly
├── AuthenticationFailed      401 or 403 at login, or a renewed session is not accepted either
├── PermissionDenied          403: the account may not do this
├── NotInitialised            MGN was never set up in this account and region
├── LicenceExpired            402: the account or project has no active licence
├── NotFound                  404: the service does not know the thing
├── RequestRefused            any other 4xx: the service understood and said no
├── LaunchUnconfirmed         a launch was sent and no clear answer came back: look, do not send again
├── Ec2Unavailable            EC2 did not answer, or asks for patience: ask again later
├── AwsUnavailable            the table, the bucket or another of AWS's services: the same
├── OutOfTime                 a function had to stop with work left: call it again
├── MessageNotSent            nobody took the message: send it again
├── RunNotFound               the run, its plan or one of its records does not exist
└── RunDisputed               another execution carries this run out, or the run has ended
"""

from __future__ import annotations


class CutoverError(Exception):
    """Every error of ours; a bare one is never raised."""


class ServiceError(CutoverError):
    """When the replication service did not do what it was asked; never raised itself, only its kinds.

    `status` is the HTTP status, None when there was no answer; `message` is the service's own, "" when it gave none.
    """

    def __init__(self, method: str, path: str, status: int | None, message: str) -> None:
        super().__init__(f"{method} {path}: {status if status is not None else 'no answer'}: {message or 'no message'}")
        self.method, self.path, self.status, self.message = method, path, status, message


class ServiceUnavailable(ServiceError):
    """When there was no answer in time, a broken one, or a 5xx. Asking again is harmless; launching again is not."""


class ServiceThrottled(ServiceError):
    """When the service says 429: too many requests, or too many failed logins."""


class AuthenticationFailed(ServiceError):
    """When the credentials, or a session renewed a moment ago, are not accepted."""


class PermissionDenied(ServiceError):
    """When the account is known and may not do this."""


class NotInitialised(PermissionDenied):
    """When the service was never set up in this account and region: nobody may do anything."""


class LicenceExpired(ServiceError):
    """When the account or the project has no active licence."""


class NotFound(ServiceError):
    """When the service does not know what was asked for."""


class RequestRefused(ServiceError):
    """When the service understood the request and refused it."""


class LaunchUnconfirmed(CutoverError):
    """When a launch was sent and nobody can say yet whether it was accepted."""


class Ec2Unavailable(CutoverError):
    """When EC2 did not answer, failed, or asks for patience."""


class AwsUnavailable(CutoverError):
    """When the table, the bucket or another of AWS's services did not answer in time, failed, asks for patience, or had
    two writers at once."""


class OutOfTime(CutoverError):
    """When a function stops before it is ended from outside; what it has done is written down."""


class RunNotFound(CutoverError):
    """When a run, its plan or one of its records is not there."""


class MessageNotSent(CutoverError):
    """When an event, a message to the topic or one to Slack was not accepted."""


class RunDisputed(CutoverError):
    """When this execution is not the one that carries the run out, or the run has ended."""
