"""Requests are told by what they say: which operation, by whom, on what."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local.cloud.call_record import CallRecord, calls, general, signer

CHAT = "1f0e6a52-9c7d-4f0a-8f6e-0a1b2c3d4e5f"


def told(service: str, body: Any, operation: str) -> list[tuple[str, dict[str, Any]]]:
    headers = {"X-Amz-Target": f"Service_2012.{operation}"}
    return list(calls(service, "POST", "/", "", headers, json.dumps(body).encode()))


@pytest.mark.parametrize(
    ("method", "path", "query", "expected"),
    [
        ("GET", f"/b/documents/1f/{CHAT}.json", "", ("GetObject", {"key": "documents/0f/0.json"})),
        ("HEAD", "/b/k", "", ("HeadObject", {"key": "k"})),
        ("PUT", "/b/k", "", ("PutObject", {"key": "k"})),
        ("DELETE", "/b/k", "", ("DeleteObject", {"key": "k"})),
        ("DELETE", "/b/k", "versionId=v", ("DeleteObjectVersion", {"key": "k"})),
        ("GET", "/b", "list-type=2&prefix=a%2F2026", ("ListObjectsV2", {"prefix": "a/0"})),
        ("GET", "/b", "versions", ("ListObjectVersions", {})),
        ("HEAD", "/b", "", ("HeadBucket", {})),
        # Nobody has looked these up, and they are no other operation's.
        ("PUT", "/b/k", "acl", ("PUT acl", {"key": "k"})),
        ("GET", "/b", "policy", ("GET policy", {})),
    ],
)
def test_an_operation_of_s3_is_told_by_method_and_query(
    method: str, path: str, query: str, expected: tuple[str, dict[str, str]]
) -> None:
    operation, on = expected
    found = list(calls("s3", method, path, query, {}, b""))
    assert found == [(operation, {"bucket": "b", **on})]


def test_keys_of_items_are_told_without_ids() -> None:
    key = {"key": {"S": f"chat#{CHAT}"}}
    assert told("dynamodb", {"TableName": "t", "Key": key}, "GetItem") == [
        ("GetItem", {"table": "t", "leading": "chat#0"})
    ]
    item = {"key": {"S": "an attribute"}, "chat": {"S": "#shard-3"}, "item": {"S": "export#0"}}
    assert told("dynamodb", {"TableName": "t", "Item": item}, "PutItem") == [
        ("PutItem", {"table": "t", "leading": "#shard-0"})
    ]


def test_a_batch_is_a_call_for_each_kind_of_its_items() -> None:
    keys = [{"key": {"S": f"{kind}#{CHAT}"}} for kind in ("leg", "chat", "leg")]
    found = told("dynamodb", {"RequestItems": {"t": {"Keys": keys}}}, "BatchGetItem")
    assert sorted(on["leading"] for _, on in found) == ["chat#0", "leg#0"]
    write = [{"DeleteRequest": {"Key": {"chat": {"S": CHAT}, "item": {"S": "due"}}}}]
    assert told("dynamodb", {"RequestItems": {"t": write}}, "BatchWriteItem") == [
        ("BatchWriteItem", {"table": "t", "leading": "0"})
    ]


def test_a_query_is_of_an_index_and_of_its_key() -> None:
    asked = {
        "TableName": "t",
        "IndexName": "due",
        "KeyConditionExpression": "phase = :phase AND due_at < :at",
        "ExpressionAttributeValues": {":phase": {"S": "live"}, ":at": {"N": "1"}},
    }
    assert told("dynamodb", asked, "Query") == [
        ("Query", {"table": "t", "index": "due", "leading": "live"})
    ]


def test_of_a_context_only_the_names_are_kept() -> None:
    asked = {"KeyId": "k", "EncryptionContext": {"initial_contact_id": CHAT}}
    assert told("kms", asked, "Decrypt") == [
        ("Decrypt", {"key": "k", "context": ["initial_contact_id"]})
    ]


def test_a_function_is_known_by_its_signature() -> None:
    scope = "20261127/eu-west-1/dynamodb/aws4_request"
    signed = {"Authorization": f"AWS4-HMAC-SHA256 Credential=stack-Track/{scope}, Signature=x"}
    assert signer(signed) == ("stack-Track", "dynamodb")
    assert signer({"Authorization": f"AWS4-HMAC-SHA256 Credential=local/{scope}"}) == (None, "")
    assert signer({}) == (None, "")


def test_the_same_call_is_written_once(tmp_path: Path) -> None:
    record = CallRecord(tmp_path / "logs" / "calls.jsonl")
    for _ in range(3):
        record.add("f", "sqs", "SendMessage", {"queue": "q"})
    [line] = (tmp_path / "logs" / "calls.jsonl").read_text().splitlines()
    assert json.loads(line)["by"] == "f"


def test_no_id_is_left_in_a_text() -> None:
    assert general(f"leg#{CHAT}/2026/{'ab' * 32}") == "leg#0/0/0"
