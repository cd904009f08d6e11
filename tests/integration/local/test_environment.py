"""Functions in the local cloud run as on Lambda: with what they bring along, and within limits."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local.cloud import InvocationFailed, Throttled
from tests.integration.local.stack import TEMPLATE, a_cloud, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.cloud import Invocation, LocalCloud, Stack


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with a_cloud(tmp_path_factory.mktemp("cloud")) as running:
        yield running


@pytest.fixture(scope="module")
def stack(cloud: LocalCloud) -> Stack:
    return cloud.deploy(TEMPLATE)


def last(cloud: LocalCloud, stack: Stack, function: str = "Probe") -> Invocation:
    return cloud.invocations(stack.resources[function])[-1]


def test_a_module_of_a_layer_is_found(cloud: LocalCloud, stack: Stack) -> None:
    found = cloud.invoke(stack, "Probe", {"do": "import", "module": "words"})
    assert found.endswith("layers/words/python/words.py")


@pytest.mark.parametrize("module", ["boto3", "chatlake", "local", "pyarrow", "pytest"])
def test_a_module_that_only_this_machine_has_is_not_found(
    cloud: LocalCloud, stack: Stack, module: str
) -> None:
    with pytest.raises(InvocationFailed, match="ModuleNotFoundError"):
        cloud.invoke(stack, "Probe", {"do": "import", "module": module})


def test_a_layer_that_is_not_the_functions_own_is_not_found(
    cloud: LocalCloud, stack: Stack
) -> None:
    def answer() -> str:
        try:
            return str(cloud.invoke(stack, "Ticking", {"do": "import", "module": "words"}))
        except Throttled:
            return ""  # its schedule has it at work just now
        except InvocationFailed as failed:
            return str(failed)

    assert "ModuleNotFoundError" in eventually(answer)


def test_the_environment_is_lambdas_and_nothing_of_this_machine(
    cloud: LocalCloud, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THIS_MACHINE", "x")
    found = cloud.invoke(stack, "Probe", {"do": "environment"})

    assert found["AWS_LAMBDA_FUNCTION_NAME"] == stack.resources["Probe"]
    assert found["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert found["AWS_REGION"] == "eu-west-1"
    assert found["AWS_ENDPOINT_URL"] == cloud.endpoint_url
    assert not {"HOME", "PYTHONPATH", "SECRET_OF_THIS_MACHINE", "VIRTUAL_ENV"} & set(found)


def test_a_warm_environment_is_used_again(cloud: LocalCloud, stack: Stack) -> None:
    first, second = (cloud.invoke(stack, "Probe", {})["pid"] for _ in range(2))
    assert first == second
    assert last(cloud, stack).init_s is None


def test_what_raised_runs_on_and_what_exited_is_replaced(cloud: LocalCloud, stack: Stack) -> None:
    before = cloud.invoke(stack, "Probe", {})["pid"]
    with pytest.raises(InvocationFailed, match="RuntimeError: as told"):
        cloud.invoke(stack, "Probe", {"do": "fail"})
    assert last(cloud, stack).outcome == "error"
    assert cloud.invoke(stack, "Probe", {})["pid"] == before

    with pytest.raises(InvocationFailed, match="exit status 3"):
        cloud.invoke(stack, "Probe", {"do": "exit"})
    assert last(cloud, stack).outcome == "exit"
    assert cloud.invoke(stack, "Probe", {})["pid"] != before
    assert (last(cloud, stack).init_s or 0) > 0


def test_a_function_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    # Long enough for the first call, which does nothing, on a machine that is busy.
    with a_cloud(tmp_path, least_timeout_s=2) as cloud:
        stack = cloud.deploy(TEMPLATE)
        pid = cloud.invoke(stack, "Probe", {})["pid"]
        with pytest.raises(InvocationFailed, match=r"timed out after 5\.00 seconds"):
            cloud.invoke(stack, "Probe", {"do": "spin"})

        assert last(cloud, stack).outcome == "timeout"
        assert not Path(f"/proc/{pid}").exists()


def test_memory_is_limited(cloud: LocalCloud, stack: Stack) -> None:
    assert cloud.invoke(stack, "Probe", {"do": "fill", "megabytes": 100}) == 100 << 20
    assert last(cloud, stack).max_memory_mb > 100
    with pytest.raises(InvocationFailed, match="MemoryError"):
        cloud.invoke(stack, "Probe", {"do": "fill", "megabytes": 300})


def test_functions_live_in_the_clouds_time(cloud: LocalCloud, stack: Stack) -> None:
    before = cloud.clock.time()
    seconds, nanoseconds, remaining_ms, _ = cloud.invoke(stack, "Probe", {"do": "time"})
    after = cloud.clock.time()

    assert before < seconds <= nanoseconds / 1e9 < after
    # Ten real seconds at least, of which few are over, told in the cloud's.
    assert 100_000 < remaining_ms <= 600_000
    cloud.invoke(stack, "Probe", {"do": "sleep", "seconds": 30})
    assert 0.5 <= last(cloud, stack).duration_s < 30


def test_every_way_to_ask_for_the_time_gives_the_clouds(cloud: LocalCloud, stack: Stack) -> None:
    """Iceberg's own code asks `datetime`, and ours `time`."""
    before = cloud.clock.time()
    *_, found = cloud.invoke(stack, "Probe", {"do": "time"})
    after = cloud.clock.time()
    assert all(before < seconds < after + 1 for seconds in (found["now"], *found["seconds"]))
    assert found["today"] == cloud.clock.now().date().isoformat()
    assert found["made"] == found["read"] == "2026-11-02T10:00:00+00:00"
    assert found["parsed"] == "2026-11-02T10:00:00"
    assert found["epoch"] == 1970
    assert all(found["of C"])
    assert all(found["instances"])


def test_reserved_concurrency_throttles_what_waits_for_an_answer(
    cloud: LocalCloud, stack: Stack
) -> None:
    cloud.invoke(stack, "Probe", {"do": "sleep", "seconds": 60}, asynchronous=True)
    eventually(lambda: _is_throttled(cloud, stack))
    cloud.wait_idle(60)
    assert cloud.invoke(stack, "Probe", {})


def _is_throttled(cloud: LocalCloud, stack: Stack) -> bool:
    try:
        cloud.invoke(stack, "Probe", {})
    except Throttled:
        return True
    return False


def test_reserved_concurrency_lets_events_wait(cloud: LocalCloud, stack: Stack) -> None:
    before = len(cloud.invocations(stack.resources["Probe"]))
    for _ in range(3):
        cloud.invoke(stack, "Probe", {"do": "sleep", "seconds": 10}, asynchronous=True)
    cloud.wait_idle(60)

    ran = cloud.invocations(stack.resources["Probe"])[before:]
    assert [run.outcome for run in ran] == ["ok"] * 3
    starts = [run.started_at for run in ran]
    assert all(later - earlier >= 10 for earlier, later in pairwise(starts))


def test_an_event_that_is_too_old_when_its_turn_comes_is_dropped(
    cloud: LocalCloud, stack: Stack
) -> None:
    name = stack.resources["Ticking"]
    cloud.invoke(stack, "Ticking", {"do": "sleep", "seconds": 200}, asynchronous=True)
    cloud.invoke(stack, "Ticking", {"do": "exit"}, asynchronous=True)
    cloud.wait_idle(60)
    assert "exit" not in {run.outcome for run in cloud.invocations(name)}


def test_many_at_once_get_environments_of_their_own(cloud: LocalCloud, stack: Stack) -> None:
    start = threading.Barrier(3)

    def run(_: int) -> str:
        start.wait()
        answer = cloud.invoke(stack, "Page", {"routeKey": "x", "seconds": 180})
        return str(answer["headers"]["X-Process"])

    with ThreadPoolExecutor(3) as pool:
        assert len(set(pool.map(run, range(3)))) == 3


def test_lambdas_own_interface_invokes_functions(cloud: LocalCloud, stack: Stack) -> None:
    client = cloud.client("lambda")
    answer = client.invoke(FunctionName=stack.resources["Probe"], Payload=b"{}")
    with answer["Payload"] as body:
        assert json.loads(body.read())["memory"] == "256"
    failed = client.invoke(FunctionName=stack.resources["Probe"], Payload=b'{"do": "fail"}')
    with failed["Payload"] as body:
        assert json.loads(body.read())["errorMessage"] == "as told"
    assert failed["FunctionError"] == "Unhandled"

    name = stack.resources["Page"]
    before = len(cloud.invocations("Page"))
    event = client.invoke(FunctionName=name, InvocationType="Event", Payload=b'{"routeKey": "x"}')
    assert event["StatusCode"] == 202
    cloud.wait_idle(60)
    assert len(cloud.invocations("Page")) == before + 1
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.invoke(FunctionName="nobody")


def test_cloudformations_own_interface_tells_of_stacks(cloud: LocalCloud, stack: Stack) -> None:
    client = cloud.client("cloudformation")
    (found,) = client.describe_stacks(StackName=stack.name)["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]}
    assert outputs == stack.outputs
    resources = client.describe_stack_resources(StackName=stack.name)["StackResources"]
    assert {
        found["LogicalResourceId"]: found["PhysicalResourceId"] for found in resources
    } == stack.resources
    with pytest.raises(client.exceptions.ClientError, match="nobody does not exist"):
        client.describe_stacks(StackName="nobody")


def test_what_a_function_writes_is_in_its_log(cloud: LocalCloud, stack: Stack) -> None:
    cloud.invoke(stack, "Probe", {})
    log = cloud.folder / "logs" / f"{stack.resources['Probe']}.log"
    assert f"probed {stack.resources['Probe']}" in log.read_text()


def test_invocations_are_written_down_without_what_was_said(
    cloud: LocalCloud, stack: Stack
) -> None:
    with pytest.raises(InvocationFailed):
        cloud.invoke(stack, "Probe", {"do": "fail"})
    text = (cloud.folder / "logs" / "invocations.jsonl").read_text()
    assert json.loads(text.splitlines()[-1])["error_type"] == "RuntimeError"
    assert "as told" not in text
