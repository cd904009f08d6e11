"""One transcript now: from the simulated service, to a file or into a lake."""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from local.participant_service import Behaviour, ParticipantService
from tests.clock import HandClock, rule_time
from tests.e2e.pipeline.casting import Casting, receipts
from tests.small_stack import forget_session

if TYPE_CHECKING:
    from pathlib import Path

    from local.scripted.chat import Chat
    from tests.lake_folder import Chatlake, LakeFolder


@pytest.fixture(scope="module")
def chat() -> Chat:
    return Casting().find(lambda chat: receipts(chat) > 2, started_s=0)


@pytest.fixture
def token(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The customer's token, of a service that the environment leads to; its clock rules here."""
    clock = HandClock()
    clock.set((time.time() + 3 * 86_400) * 1000)
    rule_time(clock, monkeypatch)
    with ParticipantService([chat], clock, Behaviour(tokens_outlive_chat=True)) as service:
        monkeypatch.setenv("AWS_ENDPOINT_URL_CONNECTPARTICIPANT", service.url)
        monkeypatch.delenv("CHATLAKE_TOKEN", raising=False)
        forget_session()
        yield service.participant_token(chat.initial_contact_id)
    forget_session()


def test_a_transcript_is_pulled_to_a_file_and_into_a_lake(
    chat: Chat,
    token: str,
    lake: LakeFolder,
    chatlake: Chatlake,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    output = tmp_path / "chat.json"
    told = ("pull", chat.initial_contact_id, "--participant-token", "--region", "eu-central-1")
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{token}\n"))
    ran = chatlake(*told, "--max-results", "3", "--output", output)
    assert ran.code == 0, ran.err
    assert token not in ran.err + ran.out
    items = json.loads(output.read_bytes())["Transcript"]
    assert len(items) > 3
    times = [item["AbsoluteTime"] for item in items]
    assert times == sorted(times)
    monkeypatch.setenv("CHATLAKE_TOKEN", token)
    assert chatlake(*told).code == 0
    rows = lake.rows()["messages"]
    assert {row["initial_contact_id"] for row in rows} == {chat.initial_contact_id}
    assert {row["item_id"] for row in rows} <= {item["Id"] for item in items}
    one = chatlake(*told, "--max-results", "2", "--pages", "1", "--output", output)
    assert (one.code, len(json.loads(output.read_bytes())["Transcript"])) == (0, 2)


def test_what_is_wrong_with_a_token_is_told_without_it(
    chat: Chat,
    token: str,
    chatlake: Chatlake,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = ("--participant-token", "--region", "eu-central-1")
    monkeypatch.setenv("CHATLAKE_TOKEN", token)
    ran = chatlake("pull", "another", *told)
    assert ran.code == 1
    assert "the token is of another chat than that of contact another" in ran.err
    monkeypatch.setenv("CHATLAKE_TOKEN", f"{token}x")
    ran = chatlake("pull", chat.initial_contact_id, *told)
    assert ran.code == 1
    assert ran.err == (
        "Error: CreateParticipantConnection: AccessDeniedException: the token opens nothing, or "
        "nothing any more; take one of somebody who is in the chat, for tokens die with it\n"
    )
    assert token not in ran.err
    monkeypatch.setenv("CHATLAKE_TOKEN", "")
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    ran = chatlake("pull", chat.initial_contact_id, *told)
    assert (ran.code, "there is no token" in ran.err) == (2, True)
