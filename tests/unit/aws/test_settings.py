"""Settings: what the template tells a function, and what it says when it was told too little."""

from __future__ import annotations

import pytest

from chatlake.aws.settings import Settings
from chatlake.documents.content_policy import ContentPolicy
from chatlake.exceptions import ChatlakeError, ReserveTooLarge, SettingMissing, SettingNotAllowed

NEEDED = {
    "CONNECT_INSTANCE_ARN": "arn:aws:connect:eu-central-1:111122223333:instance/1234-abcd",
    "CHATS_TABLE": "chats",
    "SCHEDULE_TABLE": "schedule",
    "DOCUMENT_BUCKET": "documents",
    "LAKE_BUCKET": "lake",
    "DATABASE": "database",
    "KEY_ARN": "key",
}
OPTIONAL = (
    "EXPORT_BUCKET",
    "EXPORT_PREFIX",
    "PUBLISH_QUEUE_URL",
    "WORKGROUP",
    "CONTACT_FLOW_ID",
    "ALLOWED_FLOWS",
    "ALLOWED_ATTRIBUTES",
    "ALLOWED_ORIGINS",
    "CAPTURE_RATE",
    "LAST_READ_RESERVE",
    "SHORTEST_INTERVAL_S",
    "MESSAGE_WAITING_S",
    "LIVE_SOURCE",
    "CONNECTION_RATE",
    "CAPTURE_SHARDS",
    "VACUUM_DAYS",
    "CONTENT_POLICY",
)


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in OPTIONAL:
        monkeypatch.delenv(name, raising=False)
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)


def test_a_function_that_needs_little_is_told_little() -> None:
    settings = Settings.from_environment()
    assert settings.instance_id == "1234-abcd"
    assert (settings.chats_table, settings.document_bucket) == ("chats", "documents")
    assert (settings.lake_bucket, settings.database) == ("lake", "database")
    assert settings.key_arn == "key"
    assert (settings.workgroup, settings.export_bucket, settings.allowed_origins) == ("", "", ())
    assert (settings.allowed_flows, settings.allowed_attributes) == ((), ())
    assert (settings.capture_rate, settings.shortest_interval_ms) == (0, 0)
    assert settings.message_waiting_ms == 0
    assert (settings.live_source, settings.connection_rate) == ("websocket", 3)
    assert settings.capture_shards == 1
    assert settings.vacuum_days == 0
    assert settings.content_policy == "full"


def test_numbers_and_lists_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAPTURE_RATE", "2.5")
    monkeypatch.setenv("SHORTEST_INTERVAL_S", "120")
    monkeypatch.setenv("MESSAGE_WAITING_S", "90")
    monkeypatch.setenv("ALLOWED_ORIGINS", "https://a.example,,https://b.example")
    settings = Settings.from_environment()
    assert (settings.capture_rate, settings.shortest_interval_ms) == (2.5, 120_000)
    assert settings.message_waiting_ms == 90_000
    assert settings.allowed_origins == ("https://a.example", "https://b.example")
    monkeypatch.setenv("ALLOWED_FLOWS", "one,two")
    monkeypatch.setenv("ALLOWED_ATTRIBUTES", "topic")
    settings = Settings.from_environment()
    assert (settings.allowed_flows, settings.allowed_attributes) == (("one", "two"), ("topic",))


@pytest.mark.parametrize("name", NEEDED)
@pytest.mark.parametrize("value", [None, ""])
def test_a_variable_that_is_missing_is_named(
    name: str, value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if value is None:
        monkeypatch.delenv(name)
    else:
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingMissing, match=rf"\b{name}\b") as raised:
        Settings.from_environment()
    assert isinstance(raised.value, ChatlakeError)


def test_what_is_kept_for_last_reads_is_not_captures_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAPTURE_RATE", "4")
    assert Settings.from_environment().own_capture_rate == 4
    monkeypatch.setenv("LAST_READ_RESERVE", "1.5")
    assert Settings.from_environment().own_capture_rate == 2.5


@pytest.mark.parametrize("reserve", ["2", "2.5"])
def test_a_reserve_that_leaves_capture_nothing_is_an_error_that_says_so(
    reserve: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAPTURE_RATE", "2")
    monkeypatch.setenv("LAST_READ_RESERVE", reserve)
    settings = Settings.from_environment()
    with pytest.raises(ReserveTooLarge, match=r"LastReadReserve .* CaptureRate"):
        settings.check_rates()
    with pytest.raises(ReserveTooLarge):
        _ = settings.own_capture_rate


def test_who_is_told_no_rate_has_none_to_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAST_READ_RESERVE", "1")
    Settings.from_environment().check_rates()


def test_how_live_chats_are_followed_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVE_SOURCE", "polling")
    monkeypatch.setenv("CONNECTION_RATE", "0.5")
    monkeypatch.setenv("CAPTURE_SHARDS", "5")
    settings = Settings.from_environment()
    assert (settings.live_source, settings.connection_rate) == ("polling", 0.5)
    assert settings.capture_shards == 5


def test_what_may_be_kept_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTENT_POLICY", "redacted")
    assert Settings.from_environment().content_policy is ContentPolicy.REDACTED


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("LIVE_SOURCE", "Websocket", "websocket or polling"),
        ("LIVE_SOURCE", "", "websocket or polling"),
        ("CONTENT_POLICY", "some", "full, redacted or none"),
        ("CONTENT_POLICY", "", "full, redacted or none"),
        ("CAPTURE_SHARDS", "0", "1 or more"),
        ("CAPTURE_SHARDS", "-1", "1 or more"),
        ("CAPTURE_SHARDS", "1.5", "1 or more"),
        ("CAPTURE_SHARDS", "inf", "1 or more"),
        ("CAPTURE_SHARDS", "nan", "1 or more"),
    ],
)
def test_a_value_that_is_not_allowed_is_told_with_those_that_are(
    name: str, value: str, allowed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingNotAllowed, match=rf"\b{name}\b.*{allowed}"):
        Settings.from_environment()


@pytest.mark.parametrize(
    "name",
    [
        "CAPTURE_RATE",
        "LAST_READ_RESERVE",
        "SHORTEST_INTERVAL_S",
        "CONNECTION_RATE",
        "CAPTURE_SHARDS",
    ],
)
def test_a_number_that_is_none_is_named_and_not_repeated(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "often")
    with pytest.raises(SettingMissing, match=rf"\b{name}\b") as raised:
        Settings.from_environment()
    assert "often" not in str(raised.value)
