"""What MGN refuses with: an exception by its name in the model, and how it stands in an answer."""

from __future__ import annotations

from typing import Any

NAMES = {
    400: "ValidationException",
    401: "AccessDeniedException",
    402: "ServiceQuotaExceededException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    409: "ConflictException",
    429: "ThrottlingException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
}
"""What a status is called where nothing else says it."""

SOURCE_SERVER = "SourceServer"


class Refused(Exception):
    """An answer that is an error. `name`: its class in the model; `more`: its members beside the message."""

    def __init__(self, name: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.name = name
        self.body = {"message": message, **more}


def name_of(status: int) -> str:
    """The name of an error that something in between answered with this status."""
    return NAMES.get(status, NAMES[500] if status >= 500 else NAMES[400])


def invalid(message: str, reason: str = "fieldValidationFailed") -> Refused:
    """A request that the model does not have."""
    return Refused("ValidationException", message, reason=reason)


def conflict(message: str, *servers: str) -> Refused:
    """Something that cannot be done now, or to these servers: each is named."""
    errors = [{"resourceId": one, "resourceType": SOURCE_SERVER, "message": message} for one in servers]
    named = {"resourceId": servers[0], "resourceType": SOURCE_SERVER, "errors": errors} if servers else {}
    return Refused("ConflictException", message, **named)


def not_found(what: str, id: str) -> Refused:
    """Nothing has this id; `what` is the type of the resource."""
    return Refused("ResourceNotFoundException", f"{what} {id} not found", resourceId=id, resourceType=what)
