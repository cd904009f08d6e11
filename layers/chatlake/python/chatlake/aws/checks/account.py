"""Checks of an account and Region: whether a stack can be made there, and has room."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from chatlake.aws.checks.finding import Finding, fails, fine, look
from chatlake.capture.past_records import PROCESSES
from chatlake.documents.content_policy import ContentPolicy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chatlake.aws.checks.finding import Place

# By CloudFormation's registry: Connect is there, and Glue has no table optimizers.
WITHOUT_OPTIMIZERS = {"af-south-1", "ap-northeast-3", "us-gov-west-1"}
_NEEDED = ("athena", "dynamodb", "events", "glue", "kms", "lambda", "s3", "sqs")
_EVERYBODY = "IAM_ALLOWED_PRINCIPALS"
# Beside Capture's: those of Publish, Track, StartChat and LastRead at the same time.
_OTHERS_AT_ONCE = 6
_LEFT_UNRESERVED = 100
_CONCURRENCY = "--service-code lambda --quota-code L-B99A9384"
# By what a quota's name says: which parameter must stay below it, its default, and ours.
_RATES = (
    ("GetTranscript", "CaptureRate", 8.0, "4"),
    ("CreateParticipantConnection", "ConnectionRate", 6.0, "3"),
)


def region(place: Place) -> Iterator[Finding]:
    """The Region. It has Connect, and what the stack is made of."""
    import boto3

    session = boto3.Session()
    partition = session.get_partition_for_region(place.region)
    lacking = [
        service
        for service in ("connect", *_NEEDED)
        if place.region not in session.get_available_regions(service, partition)
    ]
    if lacking:
        yield look(
            f"botocore knows no {', '.join(lacking)} in {place.region}",
            "see whether AWS has it there by now: https://docs.aws.amazon.com/general/latest/gr/",
        )
    elif place.region in WITHOUT_OPTIMIZERS:
        yield look(
            f"{place.region} has Connect, and Glue has no table optimizers there",
            "deploy it as the page on deployment says of such Regions",
        )
    else:
        yield fine(f"{place.region} has Connect and all that the stack is made of")
    of_instance = place.instance_arn.split(":")[3:5]
    if of_instance and of_instance != [place.region, place.account]:
        yield fails(
            f"the instance is in {' of account '.join(of_instance)}, and this is {place.region} of "
            f"account {place.account}: a stack archives the instance beside it",
            _beside(place, *of_instance),
        )


def _beside(place: Place, region: str, account: str) -> str:
    """Say how to come to where the instance is."""
    if account != place.account:
        return f"name a profile of account {account} with --profile, and --region {region}"
    if place.stack is not None:
        command = f"sam deploy --stack-name {place.stack.name} --region {region}"
        return f"deploy it there, and delete this one: {command}"
    named = {
        "--region": region,
        "--instance": place.instance_arn,
        "--export-bucket": place.export_bucket,
        "--export-prefix": place.export_prefix,
        "--profile": place.profile,
    }
    return " ".join(
        ["chatlake doctor", *(f"{key} {value}" for key, value in named.items() if value)]
    )


def concurrency(place: Place) -> Iterator[Finding]:
    """Concurrent executions of Lambda. The account has enough."""
    limits = place.client("lambda").get_account_settings()["AccountLimit"]
    limit, free = limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"]
    needed = 4 * int(place.parameter("CaptureShards", "1"))
    backfills = int(place.parameter("BackfillConcurrency", "2"))
    if place.parameter("ContentPolicy", "full") == ContentPolicy.REDACTED:
        # Of which only so many may ask for records, whatever the parameter says.
        backfills = PROCESSES
    needed += backfills + _OTHERS_AT_ONCE
    raise_it = (
        f"aws service-quotas request-service-quota-increase {_CONCURRENCY} --desired-value 1000 "
        f"--region {place.region}"
    )
    if limit < needed:
        yield fails(
            f"the account may have {limit:,} executions of Lambda at once, and the stack may need "
            f"{needed:,} beside all else",
            raise_it,
        )
    else:
        yield fine(f"{limit:,} executions of Lambda at once, {free:,} of them not reserved")
    reserved = int(place.parameter("CaptureConcurrency", "0"))
    if place.stack is None and reserved and free - reserved < _LEFT_UNRESERVED:
        yield fails(
            f"CaptureConcurrency {reserved} would leave fewer than {_LEFT_UNRESERVED} not reserved",
            "deploy with CaptureConcurrency=0",
        )


def lake_formation(place: Place) -> Iterator[Finding]:
    """Lake Formation. IAM decides about new databases and tables."""
    settings = place.client("lakeformation").get_data_lake_settings()["DataLakeSettings"]
    governed = [
        what
        for what in ("Database", "Table")
        if not any(
            entry["Principal"]["DataLakePrincipalIdentifier"] == _EVERYBODY
            and "ALL" in entry["Permissions"]
            for entry in settings.get(f"Create{what}DefaultPermissions", [])
        )
    ]
    if not governed:
        yield fine("Lake Formation leaves new databases and tables to IAM")
        return
    database = place.parameter("DatabaseName", "chatlake")
    resources = [
        {"Database": {"Name": database}},
        {"Table": {"DatabaseName": database, "TableWildcard": {}}},
    ]
    commands = "; ".join(
        f"aws lakeformation grant-permissions --region {place.region} --principal "
        f"DataLakePrincipalIdentifier={_EVERYBODY} --permissions ALL --resource "
        f"'{json.dumps(resource)}'"
        for resource in resources
    )
    said = f"Lake Formation governs new {' and '.join(f'{what.lower()}s' for what in governed)}"
    if place.stack is not None:
        # What was granted since is no part of the settings; rows that come tell of it.
        yield look(f"{said}: the stack needs grants, or the database is left to IAM", commands)
    else:
        yield fails(
            f"{said}: without grants the functions may not write to the stack's tables",
            f"as its administrator, once the database is there: {commands}",
        )


def quotas(place: Place) -> Iterator[Finding]:
    """Quotas of Connect. They are above the stack's rates."""
    pages = place.client("service-quotas").get_paginator("list_service_quotas")
    known = {
        quota["QuotaName"].replace(" ", "").lower(): quota
        for page in pages.paginate(ServiceCode="connect")
        for quota in page["Quotas"]
    }
    for operation, parameter, default, ours in _RATES:
        found = next((known[name] for name in known if operation.lower() in name), None)
        rate = float(place.parameter(parameter, ours))
        limit = default if found is None else found["Value"]
        of_whom = "the default quota, as none is listed," if found is None else "the quota"
        raise_it = f"deploy with {parameter}={limit / 2:g}, or have it raised: " + (
            "https://console.aws.amazon.com/servicequotas"
            if found is None
            else "aws service-quotas request-service-quota-increase --service-code connect "
            f"--quota-code {found['QuotaCode']} --desired-value {rate * 2:g}"
        )
        said = f"{operation}: {of_whom} is {limit:g} a second, and {parameter} is {rate:g}"
        if rate >= limit:
            yield fails(f"{said}: nothing is left to the customers' pages", raise_it)
        elif rate > limit / 2:
            yield look(f"{said}: less than half is left to the customers' pages", raise_it)
        else:
            yield fine(said)


CHECKS = (region, concurrency, lake_formation, quotas)
