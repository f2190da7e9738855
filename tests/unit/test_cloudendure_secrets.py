"""What the CloudEndure client never tells, however it fails."""

import logging
import traceback

import pytest
import requests

from cutover.cloudendure import CloudEndure
from cutover.errors import (
    CutoverError,
)
from cutover.plan import Mode
from tests.unit.cloudendure_of import COOKIES, HOST, PROJECT, TOKEN, log_in, ready


def everything_told(error: BaseException) -> str:
    """All that could be printed of an exception, its causes and its contexts."""
    told = ["".join(traceback.format_exception(error))]
    link: BaseException | None = error
    while link is not None:
        told += [str(link), repr(link), repr(vars(link)), repr(link.args)]
        assert not isinstance(link, requests.RequestException), "holds the request that failed"
        if link.__traceback__:
            frames = [frame for frame, _ in traceback.walk_tb(link.__traceback__)]
            told += [repr(frame.f_locals) for frame in frames if "cutover" in frame.f_code.co_filename.split("/")]
        link = link.__cause__ or link.__context__
    return "\n".join(told)


def secrets_in(text: str) -> list[str]:
    known = {"token": TOKEN, "session": COOKIES["session"], "xsrf": COOKIES["XSRF-TOKEN"].strip('"')}
    return [name for name, secret in known.items() if secret in text]


ECHO = f"token {TOKEN}, cookie session={COOKIES['session']}, header {COOKIES['XSRF-TOKEN']}"


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 500, "json": {"message": ECHO}},
        {"status": 403, "body": f"<pre>{ECHO}</pre>"},
        {"status": 409, "json": {"message": None, "code": ECHO}},
        {"status": 401, "json": {"message": ECHO}},
        {"status": 202, "body": ECHO},
        {"body": requests.ConnectionError(ECHO)},
        {"body": requests.exceptions.InvalidURL(ECHO)},
    ],
)
def test_no_failure_tells_a_secret(service, answer, caplog):
    caplog.set_level(logging.DEBUG)
    client = ready(service)
    service.post(f"{PROJECT}/launchMachines", **answer)
    with pytest.raises(CutoverError) as caught:
        client.launch(Mode.CUTOVER, ["m-1"])
    assert secrets_in(everything_told(caught.value) + caplog.text) == []


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 401, "json": {"message": f"no such token: {TOKEN}"}},
        {"status": 307, "headers": {"Location": f"http://elsewhere.example/login?token={TOKEN}"}},
        {"status": 307, "headers": {"Location": f"ftp://elsewhere.example/{TOKEN}"}},
        {"status": 200, "json": {"apiToken": TOKEN}, "headers": {}},
        {"body": requests.ConnectionError(f"could not send {TOKEN}")},
    ],
)
def test_no_failed_login_tells_the_token(service, answer, caplog):
    caplog.set_level(logging.DEBUG)
    log_in(service, **{"json": None, **answer})
    client = CloudEndure(HOST, TOKEN, "Wave 12")
    with pytest.raises(CutoverError) as caught:
        client.jobs()
    assert secrets_in(everything_told(caught.value) + caplog.text) == []


def test_the_client_does_not_show_its_token(service):
    client = ready(service)
    client.machines  # noqa: B018  # bound methods show their client
    service.get(f"{PROJECT}/jobs/j-1", json={"id": "j-1", "log": [{"message": f"with {TOKEN}"}]})
    job = client.job("j-1")
    shown = [repr(client), repr(vars(client)), repr(vars(client._session)), repr(client.machines), repr(job)]
    assert secrets_in("\n".join(shown).replace(repr(client._session._http.cookies), "")) == []
