"""One invocation of a function: its records, its service, its log lines. Function files decide nothing beyond this.

`@step` turns a function of a `Step` into a Lambda handler: it works for the run's present attempt only, says one line
in and one line out, and counts what was asked of the services into the run even when it fails.
"""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.parameters import get_secret
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from botocore.exceptions import BotoCoreError, ClientError

from cutover.clients import asks_for_patience, table
from cutover.ec2 import Ec2
from cutover.errors import AuthenticationFailed, AwsUnavailable, CutoverError, RunDisputed, ServiceError
from cutover.events import Bus
from cutover.guard import Doomed
from cutover.instants import after, instant, text
from cutover.launch_room import LIMITS
from cutover.locks import Locks, machine_lock, project_lock
from cutover.machine import Machine
from cutover.migration_service import MigrationService, Now, listed
from cutover.plan import Mode, Plan, PlannedMachine, PollBounds, Wave
from cutover.planned_night import Night
from cutover.previous import live_instances
from cutover.readiness import WaveReadiness, look
from cutover.records import MachineRecord, RunRecord, WaveRecord
from cutover.settings import Settings
from cutover.store import Store
from cutover.waits import Waits
from cutover.waking import ANSWER, ASKED_FALLBACK, ASKING, FALLBACK, Groups, worth_it, worth_sleeping

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from cutover.asking_targets import Probe
    from cutover.guest import Guest
    from cutover.survey_account import AccountSurvey

Answer = dict[str, Any]
TOKEN_SECONDS = 300
"""How long a warm function may go on with a token it has read."""
LEASE = 3600
"""Seconds that a run's locks hold on without a tick: an outage is sat out for forty minutes (decision 10)."""


class Step:
    """What one invocation works with; everything is made on first use."""

    def __init__(self, event: dict[str, Any], context: LambdaContext) -> None:
        self.event, self._context = event, context
        self.settings = Settings()
        self._asked_before: Counter[str] = Counter()

    @cached_property
    def store(self) -> Store:
        return open_store(self.settings)

    @cached_property
    def run(self) -> RunRecord:
        """The run as it stood when this invocation began."""
        return self.store.run(self.event["run"])

    @cached_property
    def locks(self) -> Locks:
        return Locks(table(self.settings.table), self.run.id)

    @cached_property
    def plan(self) -> Plan:
        return self.store.plan(self.run.plan, self.run.carried_out)

    @cached_property
    def waits(self) -> Waits:
        return Waits.open(self.settings.table)

    @property
    def number(self) -> int:
        """The wave's number, from 1."""
        return int(self.event["wave"])

    @property
    def wave(self) -> Wave:
        """The wave as planned."""
        return self.plan.waves[self.number - 1]

    @cached_property
    def record(self) -> WaveRecord:
        """The wave as it stood when this invocation began."""
        return self.store.wave(self.run.id, self.number)

    def everything(self) -> list[tuple[WaveRecord, list[MachineRecord]]]:
        """Every wave of the run with its machines: as recorded, or as planned where nothing was recorded yet."""
        return self.store.everything(self.run.id, self.plan)

    @cached_property
    def service(self) -> MigrationService:
        service = service_of(self.settings, self.plan)
        self._asked_before = Counter(service.requests)
        return service

    @cached_property
    def ec2(self) -> Ec2:
        return Ec2(self.plan.region)

    @cached_property
    def guest(self) -> Guest:
        from cutover.guest import Guest  # only the functions that send commands need it

        return Guest(self.plan.region)

    @cached_property
    def probe(self) -> Probe:
        from cutover.asking_targets import Probe  # only the function that asks targets needs it

        return Probe(self.settings.probe, self.settings.probe_place)

    @cached_property
    def account(self) -> AccountSurvey:
        from cutover.survey_account import AccountSurvey  # only the function that opens a run looks at the account

        return AccountSurvey(self.plan.region)

    @cached_property
    def bus(self) -> Bus:
        return Bus(self.settings.bus)

    def now(self) -> Now:
        """The service's time, as of its last answer in this invocation."""
        return self.service.now()

    def listed(self, planned: Collection[PlannedMachine]) -> list[Machine]:
        """The project's machines; the stopped ones too when a planned machine is not among those that replicate."""
        return listed(self.service, planned)

    def doomed(self, records: Iterable[MachineRecord]) -> dict[str, Doomed]:
        """By instance id, the targets that launches of these machines would delete, as EC2 shows them now."""
        ids = {record.instance_before for record in records if record.instance_before}
        seen = self.ec2.instances(ids)
        protected = self.ec2.protected([each.id for each in seen.values() if not each.gone])
        return {each: Doomed(each, seen.get(each), protected.get(each)) for each in ids}

    def lock_of(self, machine: str) -> str:
        """The name of a machine's lock."""
        return machine_lock(self.plan.service, machine)

    @property
    def project_lock(self) -> str:
        """The name of the project's lock; a run's own where runs may launch beside each other."""
        one_at_a_time = LIMITS[self.plan.service].one_job
        return project_lock(self.plan.service, self.plan.project if one_at_a_time else f"run {self.run.id}")

    def look(
        self,
        listed: Sequence[Machine],
        deadline: datetime,
        looks: int,
        records: Sequence[MachineRecord],
        wave: Wave | None = None,
        launched: Collection[str] = (),
    ) -> WaveReadiness:
        """A wave's readiness as of this listing, at the service's time. `records`: its machines' as they stand;
        `launched`: by id, those of them that a job has."""
        wave = wave or self.wave
        planned = {entry.known_as.casefold() for entry in wave.machines}
        ours = [each for each in listed if {each.id.casefold(), (each.name or "").casefold()} & planned]
        live = live_instances(self.service, ours)
        proofs = self.store.proofs(self.plan.name)
        rolled_back = self.store.rolled_back(self.plan.name)
        quiesced = self.store.night(self.run.id).quiesced if self.run.mode is Mode.CUTOVER else None
        return look(
            wave,
            self.run.mode,
            listed,
            self.now().at,
            deadline,
            looks,
            proofs,
            live,
            records,
            rolled_back,
            instant(quiesced) if quiesced else None,
            launched,
        )

    @property
    def planned_night(self) -> Night:
        """What the plan has around the launches; only a cutover with such a block gets here."""
        if self.plan.night is None:
            raise RunDisputed(f"plan {self.plan.name} has no night")
        return self.plan.night

    @property
    def poll(self) -> PollBounds:
        """How often something of the whole plan is looked at: as often as its most impatient wave."""
        return min((wave.poll for wave in self.plan.waves), key=lambda each: each.minimum)

    def clock(self) -> str:
        """The instant of this look where nothing else is asked of the service: its time, or while it is away ours,
        corrected by what they differed last."""
        try:
            self.service.look_at_the_clock()
        except ServiceError as error:
            log().warning(f"the service does not tell its time: {error}")
            if self.run.clock == "service":
                self.store.update_run(self.run.id, clock="local")
            return text(local_now() + _DIFFERENCE.get(self.plan.service, timedelta()))
        now = self.now()
        if now.from_service:
            _DIFFERENCE[self.plan.service] = now.at - local_now()
        return self.looked()

    def said(
        self,
        verdict: str,
        reason: str,
        *,
        wait: int = 0,
        sleep: bool = False,
        rule: str = "",
        tell: str = "",
        question: str = "",
    ) -> Answer:
        """What a part of the night answers: {part, verdict, wait_seconds, sleep, rule, tell, question, reason}.

        `sleep`: wait until people say something; `wait_seconds` where that cannot be waited for."""
        return {
            "part": self.event.get("part"),
            "verdict": verdict,
            "wait_seconds": wait,
            "sleep": sleep,
            "rule": rule,
            "tell": tell,
            "question": question,
            "reason": reason,
        }

    def looked(self) -> str:
        """The instant of this look, for the records; a look without the service's clock is noted in the run."""
        now = self.now()
        if not now.from_service and self.run.clock == "service":
            self.store.update_run(self.run.id, clock="local")
        return text(now.at)

    def hold(self, seconds: float = 0) -> str:
        """Renew the run's lease so that it outlasts a wait of this many seconds; the instant of this look."""
        looked = self.looked()
        self.store.renew(self.run, after(looked, math.ceil(seconds) + LEASE))
        return looked

    @property
    def hears(self) -> bool:
        """Whether the service puts events on the bus that wakes us: each region has its own."""
        return self.service.events and self.plan.region == self.settings.region

    def listen(self) -> None:
        """Have the service's events noted from now on, where it has any: called before the wave is looked at."""
        if self.hears:
            self.waits.listen(self.run.id, self.number, local_now())

    def expect(self, groups: Groups, wait: int, deadline: datetime, looks: int) -> bool:
        """Have the wave wait for these events rather than `wait` seconds, where that is worth it: whether it is. Its
        lease outlasts that."""
        if not self.hears or not worth_it(groups, wait, self.now().at, deadline, looks, self._silent()):
            return False
        self.waits.expect(self.run.id, self.number, groups)
        self.hold(FALLBACK + wait)
        return True

    def listen_to_people(self) -> None:
        """Have what people say noted from now on: called before it is looked whether they have said it."""
        self.waits.listen(self.run.id, ASKING, local_now())

    def sleeps(self, wait: int, now: str, deadline: str, looks: int) -> bool:
        """Have the run sleep until people say something rather than `wait` seconds, where that is worth it: whether it
        is. Its lease outlasts that."""
        if not worth_sleeping(wait, instant(now), instant(deadline), looks):
            return False
        self.waits.expect(self.run.id, ASKING, (frozenset({ANSWER.word}),))
        self.hold(ASKED_FALLBACK + wait)
        return True

    def _silent(self) -> int | None:
        """After how many seconds without anything new people are called; None while nobody watches for that."""
        closed = self.run.mode is Mode.CUTOVER and self.store.night(self.run.id).closed is not None
        return self.planned_night.silent if closed else None

    def require_own_execution(self) -> None:
        """RunDisputed when this was called by another execution than that of the run's present attempt."""
        execution = self.event.get("execution")
        if execution is not None and not self.run.carried_out_by(execution):
            raise RunDisputed(f"{execution} does not carry out run {self.run.id}, attempt {self.run.attempt}")

    def seconds_left(self) -> float:
        """Until this invocation is ended from outside."""
        return self._context.get_remaining_time_in_millis() / 1000

    def asked(self) -> Counter[str]:
        """What this invocation asked of the service and of AWS, by operation."""
        asked: Counter[str] = Counter()
        if "service" in self.__dict__:
            asked += self.service.requests - self._asked_before
        for name in ("ec2", "guest", "probe"):
            if name in self.__dict__:
                asked += getattr(self, name).requests
        if "account" in self.__dict__:
            asked += self.account.looks.requests
        return asked


def step(function: Callable[[Step], Answer]) -> Callable[[dict[str, Any], LambdaContext], Answer]:
    """The Lambda handler of a function."""

    @functools.wraps(function)
    def handler(event: dict[str, Any], context: LambdaContext) -> Answer:
        logger = log()
        logger.set_correlation_id(event.get("run"))
        logger.append_keys(function=function.__module__, run=event.get("run"), wave=event.get("wave"))
        here = Step(event, context)
        try:
            here.require_own_execution()
            answer = function(here)
            logger.info(answer.get("reason") or "done", extra={"answer": answer})
            return answer
        except CutoverError as error:
            logger.error(f"{type(error).__name__}: {error}")
            raise
        except (BotoCoreError, ClientError) as error:
            logger.error(f"{type(error).__name__}: {error}")
            if asks_for_patience(error):
                raise AwsUnavailable(str(error)) from error
            raise
        finally:
            if "run" in here.__dict__:
                here.store.count_requests(here.run.id, here.asked())
            logger.remove_keys(["function", "run", "wave"])

    return handler


@functools.cache
def log() -> Logger:
    """The structured log of this process."""
    return Logger(service="cutover", utc=True)


def open_store(settings: Settings) -> Store:
    """This deployment's store."""
    return Store.open(settings.table, settings.bucket)


def service_of(settings: Settings, plan: Plan) -> MigrationService:
    """The service that has the plan's machines; kept while the function is warm."""
    if plan.service == "mgn":
        return _mgn(plan.region)
    return _cloudendure(settings.cloudendure_url, settings.cloudendure_secret, plan.project)


def local_now() -> datetime:
    """Our own clock: only where the service's cannot be had."""
    return datetime.now(UTC)


def secret(arn: str) -> str:
    """A secret's value, read again after a while so that a rotated one is taken up; "" before it was ever filled in."""
    try:
        return str(get_secret(arn, max_age=TOKEN_SECONDS)).strip()
    except GetParameterError as error:
        cause = error.__context__
        if isinstance(cause, ClientError) and cause.response["Error"]["Code"] == "ResourceNotFoundException":
            return ""
        raise


_DIFFERENCE: dict[str, timedelta] = {}
"""How far a service's clock was ahead of ours when it was read last, by the service's name in plans."""

_SERVICES: dict[tuple[str, str, str], MigrationService] = {}


def _cloudendure(url: str, arn: str, project: str) -> MigrationService:
    """A client for each project and token; kept while the function is warm, and with it the session."""
    from cutover.cloudendure import CloudEndure  # most functions never speak to the service, and do not load requests

    token = secret(arn)
    if not token:
        raise AuthenticationFailed("POST", "/login", None, "the token's secret is empty; put the API token into it")
    key = (url, project, token)
    if key not in _SERVICES:
        _SERVICES[key] = CloudEndure(url, token, project)
    return _SERVICES[key]


@functools.cache
def _mgn(region: str) -> MigrationService:
    """A client for each region; kept while the function is warm. It has rights instead of a token."""
    from cutover.mgn import Mgn  # only for plans of this service

    return Mgn(region, clock=local_now)
