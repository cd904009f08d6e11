"""template.yaml is sound as far as can be told without an account."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from chatlake.aws_clients.clients import PROMPT
from local.cloud.flow_language import read_flow
from local.template_source import read_source
from tests.recipes import recipe
from tools.artifacts import ARCHITECTURES, FOLDERS, ROOT
from tools.template_parts.lake_statements import export_key
from tools.template_parts.roles import ROLES

TEMPLATE: dict[str, Any] = read_source(ROOT / "template.yaml")
WITH_A_WARNING = """
AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  NobodyReadsThis:
    Type: String
Resources:
  Queue:
    Type: AWS::SQS::Queue
"""


def linted(template: Path) -> subprocess.CompletedProcess[str]:
    """Run the linter as `make check` does, on another template."""
    [command] = [line.split() for line in recipe("check") if "cfn-lint" in line]
    assert command[-1] == "template.yaml"
    return subprocess.run(
        [*command[:-1], str(template)],
        check=False,
        cwd=ROOT,
        text=True,
        capture_output=True,
    )


@pytest.mark.parametrize(
    ("prefix", "fits"),
    [
        ("connect/my-instance/ChatTranscripts", True),
        ("ChatTranscripts", True),
        ("", True),
        # Nothing would ever match these.
        ("connect/my-instance/", False),
        ("connect/my-instance/ChatTranscripts/", False),
        ("/connect/my-instance/ChatTranscripts", False),
        ("connect/my-instance", False),
    ],
)
def test_a_prefix_of_exports_is_what_the_console_shows(prefix: str, fits: bool) -> None:
    pattern = TEMPLATE["Parameters"]["ExportPrefix"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, prefix)) is fits


def test_make_check_fails_for_a_warning(tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(WITH_A_WARNING)
    done = linted(template)
    assert done.returncode != 0
    assert "W2001" in done.stdout


def test_every_processor_that_may_be_chosen_has_its_layers() -> None:
    assert tuple(TEMPLATE["Parameters"]["Architecture"]["AllowedValues"]) == ARCHITECTURES
    makefiles = {path.parent.name for path in ROOT.glob("layers/*/Makefile")}
    assert makefiles == set(ARCHITECTURES)


@pytest.mark.parametrize("name", sorted(FOLDERS))
def test_a_layer_is_built_for_the_processor_and_python_of_the_functions(name: str) -> None:
    layer, shared = TEMPLATE["Resources"][name], TEMPLATE["Globals"]["Function"]
    assert layer["Metadata"] == {
        "BuildMethod": "makefile",
        "BuildArchitecture": {"Ref": "Architecture"},
        "ContextPath": {"Fn::Sub": "layers/${Architecture}"},
    }
    assert layer["Properties"]["CompatibleArchitectures"] == shared["Architectures"]
    assert layer["Properties"]["CompatibleRuntimes"] == [shared["Runtime"]] == ["python3.13"]


def test_stacks_of_an_account_share_no_layer() -> None:
    """The last deployed would be the newest version of both, and the first's would be deleted."""
    names = [
        TEMPLATE["Resources"][layer]["Properties"]["LayerName"]["Fn::Sub"] for layer in FOLDERS
    ]
    assert len(set(names)) == len(FOLDERS)
    assert all(name.startswith("${AWS::StackName}-") for name in names)


def test_the_template_has_no_other_layers() -> None:
    layers = {
        name
        for name, resource in TEMPLATE["Resources"].items()
        if resource["Type"] == "AWS::Serverless::LayerVersion"
    }
    assert layers == set(FOLDERS)


def test_the_tables_are_answered_for_before_cloudformation_gives_up() -> None:
    resources = TEMPLATE["Resources"]
    timeout_s = resources["MakeTables"]["Properties"]["Timeout"]
    assert timeout_s < resources["Tables"]["Properties"]["ServiceTimeout"] <= 3600


@pytest.mark.parametrize("function", ["StartChat", "TakeToken"])
def test_who_calls_the_api_has_an_answer_while_it_waits_for_one(function: str) -> None:
    """Connect may be slow, and then KMS and DynamoDB, which keep the token; an HTTP API waits."""
    timeout_s = TEMPLATE["Resources"][function]["Properties"]["Timeout"]
    config: Any = PROMPT  # its types lack what it was made of
    attempts = config.retries["total_max_attempts"]
    longest_s = attempts * config.read_timeout + (attempts - 1) * 1  # botocore's first pause
    assert 3 * longest_s < timeout_s <= 30


def content(logical_id: str) -> dict[str, Any]:
    """The content of a flow or a module, as Connect gets it."""
    text: str = TEMPLATE["Resources"][logical_id]["Properties"]["Content"]["Fn::Sub"]
    assert set(re.findall(r"\$\{(.+?)\}", text)) == {"LastRead.Arn"}
    found: dict[str, Any] = json.loads(text)
    return found


@pytest.mark.parametrize(
    ("logical_id", "last"),
    [("LastReadModule", "EndFlowModuleExecution"), ("DisconnectFlow", "DisconnectParticipant")],
)
def test_a_flow_goes_on_whatever_the_function_does(logical_id: str, last: str) -> None:
    found = content(logical_id)
    assert read_flow(json.dumps(found), logical_id, is_module=logical_id == "LastReadModule")
    assert found["Metadata"]["ActionMetadata"].keys() == {
        action["Identifier"] for action in found["Actions"]
    }
    invoke, end = found["Actions"]
    assert (invoke["Type"], end["Type"]) == ("InvokeLambdaFunction", last)
    assert found["StartAction"] == invoke["Identifier"]
    # The longest that Connect waits; and it takes a flat map of texts for an answer.
    assert invoke["Parameters"]["InvocationTimeLimitSeconds"] == "8"
    assert invoke["Parameters"]["ResponseValidation"] == {"ResponseType": "STRING_MAP"}
    transitions = invoke["Transitions"]
    [error] = transitions["Errors"]
    assert error == {"NextAction": end["Identifier"], "ErrorType": "NoMatchingError"}
    assert transitions["NextAction"] == end["Identifier"]


def test_connect_may_invoke_the_function_for_this_instance_only() -> None:
    permission = TEMPLATE["Resources"]["FlowsMayInvokeLastRead"]["Properties"]
    assert permission == {
        "FunctionName": {"Ref": "LastRead"},
        "Action": "lambda:InvokeFunction",
        "Principal": "connect.amazonaws.com",
        "SourceArn": {"Ref": "ConnectInstanceArn"},
        "SourceAccount": {"Ref": "AWS::AccountId"},
    }


def test_who_may_search_contacts_may_describe_them() -> None:
    """Connect's SearchContacts depends on it (Service Authorization Reference)."""
    roles = [
        {action for statement in role.all_statements for action in statement.actions}
        for role in ROLES
    ]
    searching = [actions for actions in roles if "connect:SearchContacts" in actions]
    assert searching
    assert all("connect:DescribeContact" in actions for actions in searching)


def test_the_statement_for_the_key_of_exports_lets_the_roles_that_read_them() -> None:
    page = (ROOT / "docs" / "deployment.md").read_text()
    blocks = map(json.loads, re.findall(r"```json\n(.*?)```", page, re.DOTALL))
    [statement] = [block for block in blocks if block.get("Sid") == "ChatlakeReadsExports"]
    granted = export_key()
    assert (statement["Action"],) == granted.actions == ("kms:Decrypt",)
    # The account, for roles that are not there yet would be refused.
    assert statement["Principal"]["AWS"].endswith(":root")
    assert statement["Condition"]["ArnLike"]["aws:PrincipalArn"].endswith(":role/chatlake-*")
    assert statement["Condition"]["StringEquals"]["kms:ViaService"].startswith("s3.")


def test_a_last_read_knows_how_much_time_it_has() -> None:
    """It tells by what is left of it when a flow or a page no longer waits."""
    code = (ROOT / "functions" / "last_read" / "app.py").read_text()
    [told_ms] = re.findall(r"^FUNCTION_MS = ([\d_]+)$", code, re.MULTILINE)
    assert int(told_ms) == 1000 * TEMPLATE["Resources"]["LastRead"]["Properties"]["Timeout"]
