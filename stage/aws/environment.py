"""The environment of everything on the stage: made new, so that nothing of the user's shell (credentials, proxies,
configuration files, Docker) reaches a function, and no secret can be inherited from it."""

from __future__ import annotations

import os
from collections.abc import Mapping

from stage.aws.ports import HOST

ACCOUNT = "123456789012"
"""moto's account too. MiniStack reads a twelve-digit access key as the account."""

KEPT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE")


def client_environment(port: int, region: str, mgn_url: str | None = None) -> dict[str, str]:
    """What a program needs in order to speak to the stage instead of AWS; the credentials are placeholders.

    `mgn_url`: where MGN is simulated, which the emulator does not have.
    """
    return {
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "stage",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ENDPOINT_URL": f"http://{HOST}:{port}",
        "AWS_ENDPOINT_URL_EC2": f"http://{HOST}:{port + 1}",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "NO_PROXY": "*",
        **({"AWS_ENDPOINT_URL_MGN": mgn_url} if mgn_url else {}),
    }


def emulator_environment(
    port: int,
    region: str,
    wait_scale: float,
    scratch: str,
    inherited: Mapping[str, str],
    proxy_url: str | None = None,
    mgn_url: str | None = None,
) -> dict[str, str]:
    """The whole environment of the emulator, inherited by its function workers.

    `wait_scale` multiplies every Wait and Retry of Step Functions (0.01: a minute takes 0.6 s). `proxy_url`: where
    functions find the hosts that the stage plays; the stage's own processes are spoken to directly.
    """
    outside = {"HTTP_PROXY": proxy_url, "http_proxy": proxy_url, "NO_PROXY": f"{HOST},localhost"} if proxy_url else {}
    return {
        **{name: inherited[name] for name in KEPT if name in inherited},
        **client_environment(port, region, mgn_url),
        "HOME": scratch,
        "TMPDIR": scratch,
        "STATE_DIR": scratch,
        "BIND_HOST": HOST,
        "AWS_ENDPOINT_URL_SSM": f"http://{HOST}:{port + 1}",
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": region,
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "SFN_WAIT_SCALE": repr(wait_scale),
        # listeners that MiniStack opens unasked
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        # MiniStack removes containers it takes for its own at start; it has none here, and finds no Docker to ask
        "DOCKER_HOST": f"unix://{scratch}/no-docker",
        "LAMBDA_EXECUTOR": "local",
        **outside,
    }
