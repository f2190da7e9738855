"""Preflight of capacity: each check passes, fails, and is quiet about what it could not look at."""

from __future__ import annotations

import pytest

from cutover.placement import DEFAULT_VOLUME
from cutover.preflight_capacity import FAMILIES, STORAGE, quota_of
from cutover.surveyed import Running, Volume
from tests.unit.survey_of import QUOTAS, account, but, configured, run, source, survey

STANDARD = "L-1216C47A"


def test_an_instance_type_exists_and_is_offered_in_its_subnets_zone() -> None:
    assert run(survey(), "instance_type") == []
    two = survey(source(), source("db02"))
    assert run(but(two, offered=frozenset()), "instance_type") == [
        "error: m5.large, for db01, db02, is not offered in eu-central-1a"
    ]
    assert run(survey(), "instance_type", instance_type="m5.lagre") == [
        "error: m5.lagre, for db01, does not exist in eu-central-1"
    ]
    assert run(but(survey(), offered=None), "instance_type") == []


def test_a_target_of_no_named_type_is_told() -> None:
    seen = survey(configured={"m-db01": configured(instance_type="COPY_ORIGIN")})
    (told,) = run(seen, "instance_type")
    assert told == "warning: neither the plan nor its launch configuration names an instance type for db01"
    assert run(seen, "instance_type", instance_type="m5.large") == []


@pytest.mark.parametrize(
    ("type_", "code"),
    [
        *(("m5.large", STANDARD), ("t3.micro", STANDARD), ("i4g.large", STANDARD), ("im4gn.large", STANDARD)),
        *(("is4gen.large", STANDARD), ("d3en.xlarge", STANDARD), ("z1d.large", STANDARD), ("g5.xlarge", "L-DB2E81BA")),
        *(("vt1.3xlarge", "L-DB2E81BA"), ("p4d.24xlarge", "L-417A185B"), ("f1.2xlarge", "L-74FC7D96")),
        *(("x2gd.medium", "L-7295265B"), ("u-6tb1.metal", "L-43DA4232"), ("inf1.xlarge", "L-1945791B")),
        *(("trn1.2xlarge", "L-2C3B7624"), ("dl1.24xlarge", "L-6E869C2A"), ("hpc6a.48xlarge", "L-F7808C92")),
        *(("mac2.metal", None), ("9", None)),
    ],
)
def test_an_instance_type_counts_against_the_quota_of_its_family(type_: str, code: str | None) -> None:
    assert quota_of(type_) == code


def test_no_code_is_written_twice() -> None:
    codes = [*FAMILIES, *STORAGE.values()]
    assert len(set(codes)) == len(codes)
    families = [each for some in FAMILIES.values() for each in some]
    assert len(set(families)) == len(families)


@pytest.mark.parametrize(
    ("quota", "said"),
    [
        (6, ""),  # 2 run, 2 come, and 2 convert
        (5, "warning"),  # enough once the replaced target is gone
        (4, "warning"),
        (3, "error"),
    ],
)
def test_the_old_the_new_and_a_converter_fit_the_quota_at_once(quota: int, said: str) -> None:
    seen = but(survey(targets={"m-db01": "i-old"}), quotas={STANDARD: quota})
    assert [each.split(":")[0] for each in run(seen, "vcpu_quota")] == ([said] if said else [])


def test_what_is_over_a_quota_is_told_in_numbers() -> None:
    (told,) = run(but(survey(), quotas={STANDARD: 4}), "vcpu_quota")
    assert told == (
        "error: vCPUs of On-Demand A/C/D/H/I/IM/IS/M/R/T/Z (L-1216C47A): quota 4, 2 in use, 4 wanted "
        "(with one converter, m5.large), 0 replaced: 2 too many"
    )


def test_each_family_has_its_own_quota_and_the_converter_counts_against_its_own() -> None:
    running = {"i-p": Running("i-p", "p3.2xlarge", 8)}
    seen = but(survey(), instances=running, quotas={STANDARD: 1, "L-417A185B": 16})
    assert [each[:50] for each in run(seen, "vcpu_quota", instance_type="p3.2xlarge")] == [
        "error: vCPUs of On-Demand A/C/D/H/I/IM/IS/M/R/T/Z "
    ]
    seen = but(survey(), instances=running, quotas={"L-417A185B": 15})
    assert "quota 15, 8 in use, 8 wanted (targets)" in run(seen, "vcpu_quota", instance_type="p3.2xlarge")[0]


def test_a_family_without_a_known_quota_is_told() -> None:
    seen = but(survey(), vcpus={"mac2.metal": 8})
    assert run(seen, "vcpu_quota", instance_type="mac2.metal") == ["warning: no quota is known for mac2.metal"]


@pytest.mark.parametrize("blind", ["instances", "vcpus"])
def test_no_quota_of_vcpus_is_judged_without_what_it_takes(blind: str) -> None:
    assert run(but(survey(), quotas={STANDARD: 0}, **{blind: None}), "vcpu_quota") == []


@pytest.mark.parametrize(("quota", "said"), [(2.0, ""), (1.5, "warning"), (0.9, "error")])
def test_the_old_volumes_and_the_new_fit_the_quota_at_once(quota: float, said: str) -> None:
    seen = but(survey(targets={"m-db01": "i-old"}), quotas=QUOTAS | {STORAGE["gp2"]: quota})
    assert [each.split(":")[0] for each in run(seen, "ebs_quota")] == ([said] if said else [])


def test_storage_is_counted_by_volume_type() -> None:
    stored = (Volume("v", "gp3", 50 * 1024, None), Volume("w", "gp2", 49 * 1024, None))
    assert run(but(survey(), volumes=stored), "ebs_quota") == []
    gp3 = survey(configured={"m-db01": configured(volumes={"/dev/sda": "gp3"})}, account=account(volumes=stored))
    assert run(gp3, "ebs_quota") == [
        "error: TiB of gp3 (L-7A658B76): quota 50, 50 in use, 1 wanted (volumes), 0 replaced: 1 too many"
    ]
    unsaid = survey(configured={"m-db01": configured(volumes={})}, account=account(volumes=stored))
    assert DEFAULT_VOLUME == "gp2"
    assert run(unsaid, "ebs_quota") == []


def test_no_quota_of_storage_is_judged_without_what_it_takes() -> None:
    full = QUOTAS | {STORAGE["gp2"]: 0.0}
    assert run(but(survey(), quotas=full, volumes=None), "ebs_quota") == []
    assert run(but(survey(configured=None), quotas=full), "ebs_quota") == []
