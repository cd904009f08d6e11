"""What the simulated instance says of itself, and chats that it learns of later."""

from __future__ import annotations

from typing import Any

from local.participant_service import ParticipantService
from local.scripted.contact_center import INSTANCE_ID
from tests.unit.local.served import CHATS, CONFIG, SESSION, HandClock, refusal, serving


def test_the_instance_tells_what_it_is_and_where_it_exports_to() -> None:
    with ParticipantService([], HandClock(), exports_to="bucket/connect/x") as service:
        connect = SESSION.client("connect", endpoint_url=service.url, config=CONFIG)
        found = connect.describe_instance(InstanceId=INSTANCE_ID)["Instance"]
        assert (found["Id"], found["InstanceStatus"]) == (INSTANCE_ID, "ACTIVE")
        asked = {"InstanceId": INSTANCE_ID, "ResourceType": "CHAT_TRANSCRIPTS"}
        [stored] = connect.list_instance_storage_configs(**asked)["StorageConfigs"]
        assert stored["S3Config"] == {"BucketName": "bucket", "BucketPrefix": "connect/x"}
        asked["ResourceType"] = "CALL_RECORDINGS"
        assert connect.list_instance_storage_configs(**asked)["StorageConfigs"] == []
        another = INSTANCE_ID[::-1]
        gone = (404, "ResourceNotFoundException")
        assert refusal(lambda: connect.describe_instance(InstanceId=another)) == gone
        connect.close()


def test_a_chat_that_is_added_is_started_behind_the_others() -> None:
    first, later = CHATS[:2]
    with serving([first]) as served:
        served.service.add(later)
        asked: Any = {
            "InstanceId": first.instance_id,
            "ContactFlowId": "flow",
            "ParticipantDetails": {"DisplayName": "x"},
        }
        started = [served.connect.start_chat_contact(**asked)["ContactId"] for _ in range(2)]
        assert started == [first.initial_contact_id, later.initial_contact_id]
        assert served.service.truth(later.legs[-1].contact_id) == later
