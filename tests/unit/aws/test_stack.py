"""What is said of stacks that cannot be worked on, and of AWS that refuses: a sentence each."""

from __future__ import annotations

from importlib import util
from typing import Any

import boto3
import pytest
from botocore import exceptions as aws

import chatlake
from chatlake.aws import stack as module
from chatlake.aws.advice import advice
from chatlake.aws.stack import open_stack
from chatlake.aws.stack_address import StackAddress
from chatlake.exceptions import AwsRefused, PackagesMissing, StackUnusable

ACCOUNT = "111122223333"
SECRET = "canary-7f3a"


def refused(code: str, said: str = SECRET, *, operation: str = "Scan", status: int = 400) -> Any:
    response: Any = {
        "Error": {"Code": code, "Message": said},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return aws.ClientError(response, operation)


class Client:
    """Any client of AWS, which answers or fails as told."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def __getattr__(self, _: str) -> Any:
        def operation(**_: Any) -> Any:
            if isinstance(self._answer, Exception):
                raise self._answer
            return self._answer

        return operation


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What each service answers; CloudFormation, a stack that is as it should be."""
    found: dict[str, Any] = {"cloudformation": described()}
    monkeypatch.setattr(boto3, "client", lambda name, **_: Client(found[name]))
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    return found


def described(status: str = "UPDATE_COMPLETE", **outputs: str) -> dict[str, Any]:
    told = {"Version": chatlake.__version__, "Documents": "documents-1", **outputs}
    stack = {
        "StackId": f"arn:aws:cloudformation:eu-central-1:{ACCOUNT}:stack/chatlake/1",
        "StackStatus": status,
        "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in told.items()],
        "Parameters": [{"ParameterKey": "HistoryDays", "ParameterValue": "30"}],
    }
    return {"Stacks": [stack]}


ADDRESS = StackAddress("chatlake", "eu-central-1")


def why(address: StackAddress = ADDRESS) -> str:
    with pytest.raises((StackUnusable, AwsRefused)) as refused, open_stack(address):
        pass
    said = str(refused.value)
    assert SECRET not in said
    assert said[-1] != "."
    return said


@pytest.mark.parametrize(
    "status", ["CREATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_IN_PROGRESS"]
)
def test_a_stack_that_works_is_opened(answers: dict[str, Any], status: str) -> None:
    answers["cloudformation"] = described(status)
    with open_stack(ADDRESS) as stack:
        assert (stack.account, stack.region, stack.status) == (ACCOUNT, "eu-central-1", status)
        assert stack.parameter("HistoryDays", "0") == "30"
        assert stack.output("Documents") == "documents-1"
        with pytest.raises(StackUnusable, match="has no output Nothing: deploy chatlake"):
            stack.output("Nothing")


def test_a_stack_that_is_not_there_or_elsewhere_is_told_with_where_it_was_sought(
    answers: dict[str, Any],
) -> None:
    answers["cloudformation"] = refused("ValidationError", "Stack with id x does not exist")
    assert why().startswith("there is no stack chatlake in eu-central-1")
    assert why().endswith("sam deploy --stack-name chatlake --region eu-central-1")


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        ("ROLLBACK_COMPLETE", "delete it and deploy again"),
        ("DELETE_FAILED", "delete it and deploy again"),
        ("UPDATE_ROLLBACK_FAILED", "aws cloudformation continue-update-rollback"),
        ("UPDATE_FAILED", "deploy it again, or roll it back"),
        ("CREATE_IN_PROGRESS", "wait until that is done"),
    ],
)
def test_a_stack_in_a_state_in_which_it_does_not_work_is_refused(
    answers: dict[str, Any], status: str, remedy: str
) -> None:
    answers["cloudformation"] = described(status)
    assert status in why()
    assert remedy in why()


def test_a_stack_of_another_version_is_refused_unless_that_is_wanted(
    answers: dict[str, Any],
) -> None:
    answers["cloudformation"] = described(Version="0.0.1")
    assert why() == (
        f"stack chatlake runs chatlake 0.0.1, and this is {chatlake.__version__}: install chatlake "
        f"0.0.1 here, or deploy {chatlake.__version__} to the stack"
    )
    with open_stack(ADDRESS, any_version=True) as stack:
        assert stack.version == "0.0.1"
    answers["cloudformation"] = described(Version="")
    assert "is none of chatlake's" in why()


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (403, "either it belongs to another account than 111122223333, or these credentials lack"),
        (404, "is gone"),
        (301, "is in another Region than eu-central-1"),
        (503, "cannot be read"),
    ],
)
def test_a_bucket_that_is_not_this_accounts_is_told(
    answers: dict[str, Any], status: int, said: str
) -> None:
    answers["s3"] = refused(str(status), status=status)
    with open_stack(ADDRESS) as stack, pytest.raises(StackUnusable, match=said):
        stack.check_bucket("Documents")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (refused("ExpiredToken"), "credentials have expired: sign in again"),
        (refused("UnrecognizedClientException"), "AWS does not know these credentials"),
        (refused("ThrottlingException"), "too many requests just now (Scan: ThrottlingException)"),
        (refused("InternalError"), "AWS refused Scan (InternalError)"),
        (refused("AccessDeniedException"), "these credentials may not Scan: have it allowed"),
        (
            refused(
                "AccessDenied",
                f"User: arn:aws:iam::1:user/{SECRET} is not authorized to perform: dynamodb:Scan "
                "on resource: arn:aws:dynamodb:eu-central-1:1:table/t because no policy",
            ),
            "may not dynamodb:Scan on arn:aws:dynamodb:eu-central-1:1:table/t: have it allowed",
        ),
        (aws.NoCredentialsError(), "there are no AWS credentials: sign in"),
        (aws.NoRegionError(), "no Region is set: name the stack's with --region"),
        (aws.UnauthorizedSSOTokenError(), "cannot be renewed: sign in again"),
        (aws.TokenRetrievalError(provider="sso", error_msg=SECRET), "cannot be renewed"),
        (
            aws.EndpointConnectionError(endpoint_url="https://cloudformation.eu-west-9.example"),
            "https://cloudformation.eu-west-9.example cannot be reached: check the Region",
        ),
        (aws.ReadTimeoutError(endpoint_url=SECRET), "could not be asked (ReadTimeoutError)"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_aws_refuses_is_told_with_what_to_do_and_without_its_text(
    answers: dict[str, Any], error: Exception, said: str
) -> None:
    answers["cloudformation"] = error
    assert said in why()
    assert SECRET not in advice(error)


def test_a_profile_and_a_region_that_are_none_are_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    for variable in ("AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    assert why(StackAddress("s", "eu-central-1", "nobody")).startswith("there is no profile nobody")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    assert why(StackAddress("s")).startswith("no Region is set")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    assert why(StackAddress("s", "no region!")) == (
        "no region! is no Region of AWS: name the stack's with --region"
    )
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


def test_without_the_packages_for_aws_they_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None if name == "boto3" else util)
    needed = r"\(boto3\): pip install 'chatlake\[aws\]'"
    with pytest.raises(PackagesMissing, match=needed), open_stack(ADDRESS):
        pass
