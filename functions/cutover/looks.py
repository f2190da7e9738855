"""Looking at AWS as far as one is let: what is not allowed or not there to be asked is noted, and one goes on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TypeVar

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoAuthTokenError,
    NoCredentialsError,
    PartialCredentialsError,
    SSOError,
    TokenRetrievalError,
)

from cutover.clients import PATIENCE
from cutover.ec2 import FORBIDDEN
from cutover.errors import AwsUnavailable
from cutover.surveyed import Unseen

_DENIED = (*FORBIDDEN, "AccessDeniedException", "NotAuthorized", "UnauthorizedException")
_PATIENCE = (*PATIENCE, "TooManyRequestsException", "KMSInternalException", "DependencyTimeoutException")
_NOBODY = (NoCredentialsError, PartialCredentialsError, NoAuthTokenError, TokenRetrievalError, SSOError)

_Seen = TypeVar("_Seen")


class Looks:
    """Read-only requests to AWS. `unseen`: what could not be looked at; `requests` counts, by operation."""

    def __init__(self) -> None:
        self.unseen: list[Unseen] = []
        self.requests: Counter[str] = Counter()

    def at(self, action: str, what: str, ask: Callable[[], _Seen], *, absent: tuple[str, ...] = ()) -> _Seen | None:
        """What `ask` returns; None, and noted, where AWS refuses to say, and where it refused this action before.

        `action`: of IAM, e.g. ec2:DescribeSubnets. `absent`: error codes that say that the thing does not exist, for
        the caller to catch. What asking again may cure is AwsUnavailable.
        """
        before = next((each for each in self.unseen if each.action == action), None)
        if before:
            self._note(Unseen(action, what, before.reason, before.denied))
            return None
        self.requests[action.replace(":", " ")] += 1
        try:
            return ask()
        except _NOBODY as error:
            self._note(Unseen(action, what, f"no usable AWS credentials: {error}", denied=False))
        except BotoCoreError as error:
            raise AwsUnavailable(f"{action}: {error}") from error
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in absent:
                raise
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            if status >= 500 or code in _PATIENCE:
                raise AwsUnavailable(f"{action}: {error}") from error
            denied = code in _DENIED
            self._note(Unseen(action, what, "not allowed" if denied else _words(error), denied))
        return None

    def _note(self, unseen: Unseen) -> None:
        if unseen not in self.unseen:
            self.unseen.append(unseen)


def _words(error: ClientError) -> str:
    """Why, without the operation's name, so that the same reason reads alike everywhere."""
    said = error.response["Error"]
    return f"{said['Code']}: {said['Message']}" if said.get("Message") else f"answered {said['Code']}"
