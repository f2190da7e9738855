"""What a step does, for somebody who does it without the tool: in words, and as a command."""

from __future__ import annotations

import json
import shlex

from cutover.planned_night import Action, Deed


def in_words(action: Action, region: str) -> tuple[str, str]:
    """The action in words, and the command that does it or looks at it; empty where there is none."""
    subject, given = action.subject, json.dumps(action.arguments)
    match action.deed:
        case Deed.MANUAL:
            return f"{action.who or 'somebody'}: {subject}", ""
        case Deed.SSM:
            more = ["--parameters", given] if action.arguments else []
            nodes = ["--instance-ids", *action.nodes] if action.nodes else []
            where = f" on {', '.join(action.nodes)}" if action.nodes else ""
            run = aws(region, "ssm", "send-command", "--document-name", subject, *more, *nodes)
            return f"run document {subject}{where}; see that its command ends well", run
        case Deed.LAMBDA:
            payload = ["--cli-binary-format", "raw-in-base64-out", "--payload", given, "/dev/stdout"]
            call = aws(region, "lambda", "invoke", "--function-name", subject, *payload)
            return f"call function {subject}; see that it answers without an error", call
        case Deed.WEBHOOK:
            post = shlex.join(
                ["curl", "-i", "-X", "POST", "-H", "content-type: application/json", "-d", given, subject]
            )
            if not action.secret:
                return f"post to {subject}", post
            secret = aws(region, "secretsmanager", "get-secret-value", "--secret-id", action.secret)
            token = f'-H "authorization: Bearer $({secret} --query SecretString --output text)"'
            return f"post to {subject}, with the secret {action.secret} as bearer token", f"{post} {token}"
        case Deed.TCP:
            host, _, port = subject.rpartition(":")
            says = "nothing answers at" if action.closed else "something answers at"
            return f"{says} {subject}", shlex.join(["nc", "-z", "-v", host, port])
        case Deed.HTTP:
            body = f" with {action.contains!r}" if action.contains else ""
            says = f"nothing answers at {subject}" if action.closed else f"{subject} answers {action.status}{body}"
            return says, shlex.join(["curl", "-i", subject])
    return "the service's console shows no source of the plan in contact any more", ""


def aws(region: str, service: str, call: str, *words: str) -> str:
    """A command line of the AWS CLI in the plan's region."""
    return shlex.join(["aws", service, call, *words, "--region", region])
