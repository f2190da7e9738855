"""The one place that speaks to MGN: through botocore, counted, and every failure an error of ours.

Looks are repeated by botocore where that is harmless. What has an effect goes through a client of its own that sends
once: repeating it belongs to whoever can recognise what the first time did.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    ParamValidationError,
)

from cutover import clients
from cutover.errors import (
    AuthenticationFailed,
    NotFound,
    NotInitialised,
    PermissionDenied,
    RequestRefused,
    ServiceError,
    ServiceThrottled,
    ServiceUnavailable,
)
from cutover.migration_service import Now

SECONDS = 25
"""How long the answer to a request with an effect is waited for."""
PAGES = 200
"""A list that goes on for longer is not believed."""

_KINDS: Mapping[str, type[ServiceError]] = {
    "AccessDeniedException": PermissionDenied,
    "UninitializedAccountException": NotInitialised,
    "ResourceNotFoundException": NotFound,
    "ConflictException": RequestRefused,
    "ValidationException": RequestRefused,
    "ServiceQuotaExceededException": RequestRefused,  # its status is 402, which elsewhere means a licence
    "ThrottlingException": ServiceThrottled,
    "TooManyRequestsException": ServiceThrottled,
    "RequestLimitExceeded": ServiceThrottled,
    "InternalServerException": ServiceUnavailable,
    "ExpiredTokenException": AuthenticationFailed,
    "UnrecognizedClientException": AuthenticationFailed,
    "InvalidSignatureException": AuthenticationFailed,
    "MissingAuthenticationTokenException": AuthenticationFailed,
}
"""By the code of the error."""
_BY_STATUS: Mapping[int, type[ServiceError]] = {
    401: AuthenticationFailed,
    403: PermissionDenied,
    404: NotFound,
    408: ServiceUnavailable,
    429: ServiceThrottled,
}
"""For codes that nobody documents."""


class MgnClient:
    """A conversation with the MGN of one account and region. `clock`: an aware now, before the service told its own."""

    def __init__(
        self, region: str, clock: Callable[[], datetime], looks: Any | None = None, deeds: Any | None = None
    ) -> None:
        self._looks = looks or clients.client("mgn", region)
        self._deeds = deeds or clients.client_for_deeds("mgn", region, SECONDS)
        self._clock = clock
        self._date: datetime | None = None
        self.requests: Counter[str] = Counter()

    def now(self) -> Now:
        """The Date of the last answer that had one; our clock before the first. As old as that answer is."""
        return Now(self._date, from_service=True) if self._date else Now(self._clock(), from_service=False)

    def look(self, operation: str, **given: Any) -> dict[str, Any]:
        """The answer to a question, e.g. `look("DescribeJobs", maxResults=1)`; raises the kinds of ServiceError."""
        return self._sent(self._looks, operation, given)

    def deed(self, operation: str, **given: Any) -> dict[str, Any]:
        """The same of a request that does something: sent once."""
        return self._sent(self._deeds, operation, given)

    def items(self, operation: str, **given: Any) -> Iterator[Any]:
        """Every item of a list, page by page."""
        token: dict[str, str] = {}
        for _ in range(PAGES):
            page = self.look(operation, **given, **token)
            items = page.get("items")
            if not isinstance(items, list):
                raise ServiceUnavailable("POST", f"/{operation}", 200, "half an answer: no list of items")
            yield from items
            if not page.get("nextToken"):
                return
            token = {"nextToken": page["nextToken"]}
        raise ServiceUnavailable("POST", f"/{operation}", 200, f"no end of the list after {PAGES} pages")

    def _sent(self, client: Any, operation: str, given: Mapping[str, Any]) -> dict[str, Any]:
        self.requests[f"mgn {operation}"] += 1
        method = client.meta.method_to_api_mapping
        call = getattr(client, next(name for name, api in method.items() if api == operation))
        try:
            answer: dict[str, Any] = call(**given)
        except ClientError as error:
            self._note_date(error.response)
            raise _translated(operation, error) from error
        except ParamValidationError as error:
            raise RequestRefused("POST", f"/{operation}", None, f"never sent: {error}") from error
        except (NoCredentialsError, CredentialRetrievalError) as error:
            raise AuthenticationFailed("POST", f"/{operation}", None, str(error)) from error
        except BotoCoreError as error:
            raise ServiceUnavailable("POST", f"/{operation}", None, str(error)) from error
        self._note_date(answer)
        return answer

    def _note_date(self, answer: Mapping[str, Any]) -> None:
        headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        try:
            date = parsedate_to_datetime(headers.get("date", ""))
            self._date = date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
        except (ValueError, TypeError, OverflowError):
            return


def _translated(operation: str, error: ClientError) -> ServiceError:
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    kind = _KINDS.get(code) or _BY_STATUS.get(status)
    if kind is None:
        kind = RequestRefused if 400 <= status < 500 else ServiceUnavailable
    return kind("POST", f"/{operation}", status or None, f"{code}: {_words(error.response)}")


def _words(response: Mapping[str, Any]) -> str:
    """The service's own message, with whom it is about: a conflict names the servers."""
    said = [str(response.get("Error", {}).get("Message") or response.get("message") or "no message")]
    for each in [response, *response.get("errors", ())]:
        if each.get("resourceId"):
            words = f": {each['message']}" if each is not response and each.get("message") else ""
            said.append(f"{each.get('resourceType') or 'resource'} {each['resourceId']}{words}")
    for each in response.get("fieldList", ()):
        said.append(f"{each.get('name')}: {each.get('message')}")
    return "; ".join(dict.fromkeys(said))[:500]
