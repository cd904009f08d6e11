"""What the pages say is so: links lead somewhere, commands exist, tables are those of the code."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest
from botocore import xform_name
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped, unused-ignore]

from chatlake.aws_clients.metric_names import Metric
from chatlake.capture.message_waiting import DETAIL_TYPE, SOURCE
from local.cloud.event_pattern import matches
from local.template_source import read_source
from tests.loopback import Handler, served
from tests.recipes import recipe, targets
from tools import cli_reference, cost, package_tree, parameters
from tools.artifacts import ROOT
from tools.cost_model import costs
from tools.stack_defaults import read_stack
from tools.workload import Chat

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
TEMPLATE: dict[str, Any] = read_source(ROOT / "template.yaml")
# Of the AWS CLI itself, not of a service.
GLOBAL_OPTIONS = {
    "cli-binary-format",
    "cli-read-timeout",
    "max-items",
    "output",
    "profile",
    "query",
    "region",
}
BLOCK = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
SHELL = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)

of_each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return re.sub(
        r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
    )


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}


def commands(page: Path) -> Iterator[list[str]]:
    """The AWS commands of a page, each as words; what a shell would put in stands as it is."""
    content = page.read_text(encoding="utf-8")
    scripts = "\n".join(SHELL.findall(content)).replace("\\\n", " ")
    lines = [*scripts.splitlines(), *re.findall(r"`(aws [^`]+)`", content)]
    for line in lines:
        # One within another is looked at on its own, and leaves a word.
        inner = re.compile(r"\"?\$\((?:[^()'\"]|'[^']*'|\"[^\"$]*\"|\"\$\w+\")*\)\"?")
        rest = line
        while found := inner.search(rest):
            part = found[0].strip('"')[2:-1]
            rest = rest[: found.start()] + "WORD" + rest[found.end() :]
            yield from _aws(part)
        yield from _aws(rest)


def _aws(line: str) -> Iterator[list[str]]:
    for found in re.finditer(r"(?:^|[|;{&] *|do )\s*(aws .*)", line):
        lexer = shlex.shlex(found[1], posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words: list[str] = []
        for word in lexer:
            if set(word) <= set("|;&()<>"):
                break
            words.append(word)
        yield words


def table_that_names(what: str, name: str) -> list[list[str]]:
    """The cells of that table of a page which has a row of this name; marks of code are left out.

    Wherever it stands, and under whatever title.
    """
    tables = re.findall(r"(?:^\|.*\n)+", text(name), re.MULTILINE)
    cells = [
        [[cell.strip().strip("`") for cell in row.strip("|").split(" | ")] for row in rows]
        for rows in (table.splitlines()[2:] for table in tables)
    ]
    [found] = [rows for rows in cells if what in {row[0] for row in rows}]
    return found


FUNCTIONS = {name for name, r in TEMPLATE["Resources"].items() if r["Type"].endswith("Function")}
COMMANDS = [words for page in PAGES for words in commands(page)]


@of_each_page
def test_a_link_leads_to_a_file_and_a_title_that_are_there(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]*)(?:#([^)]+))?\)", prose(page))
    targets = [((page.parent / name).resolve() if name else page, title) for name, title in links]
    assert [str(target) for target, _ in targets if not target.exists()] == []
    missing = [title for target, title in targets if title and title not in anchors(target)]
    assert missing == []


def test_every_page_can_be_reached_from_the_first() -> None:
    first = prose(ROOT / "README.md")
    names = [page.relative_to(ROOT).as_posix() for page in PAGES]
    assert [name for name in names if f"({name})" not in first] == ["README.md"]


def test_the_first_page_is_read_in_ten_minutes() -> None:
    assert len((ROOT / "README.md").read_bytes()) < 9_000, "move what is not needed first to docs/"


@of_each_page
def test_a_file_that_a_page_names_is_there(page: Path) -> None:
    content = page.read_text(encoding="utf-8")
    named = re.findall(r"(?:file://|-e )((?:queries|events)/[\w/.-]+\.\w+)", content)
    named += re.findall(r"`((?:docs|tests|tools|layers|functions)/[\w/.-]+\.\w+)`", content)
    assert [name for name in named if not (ROOT / name).exists()] == []


def modules_of_the_package() -> set[str]:
    """The packages and modules of chatlake, as pages name them."""
    paths = [path.relative_to(package_tree.PACKAGE) for path in package_tree.PACKAGE.rglob("*.py")]
    modules = {str(path.with_suffix("")).removesuffix("/__init__") for path in paths}
    return modules - {"__init__"}


def test_the_tree_of_the_architecture_is_that_of_the_package() -> None:
    found = package_tree.TREE.search(text("docs/architecture.md"))
    assert found is not None
    assert found[0] == package_tree.tree(), "run: make docs"


def test_the_modules_of_the_glossary_are_those_of_the_package() -> None:
    rows = [line for line in text("docs/glossary.md").splitlines() if line.startswith("| **")]
    named = {name for row in rows for name in re.findall(r"`(\w+(?:/\w+)?)`", row.split(" | ")[-1])}
    assert len(named) > 20
    assert named - modules_of_the_package() == set()


@of_each_page
def test_make_knows_what_a_page_tells_to_make(page: Path) -> None:
    told = set(
        re.findall(r"(?:`|^)make ([a-z]+)\b", page.read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert told - targets() == set()


def test_the_page_of_costs_is_what_the_tool_computes() -> None:
    computed = cost.page(cost.SIZES, Chat(), read_stack())
    assert text("docs/cost.md") == computed, "run: make docs"


def test_the_page_of_commands_is_their_own_help() -> None:
    assert text("docs/cli.md") == cli_reference.page(), "run: make docs"


def test_the_readme_tells_the_same_costs() -> None:
    found = re.findall(r"^\| ([\d,]+) \| (\d+) \|$", text("README.md"), re.MULTILINE)
    stack = read_stack()
    assert found == [
        (f"{size:,}", f"{sum(line.dollars for line in costs(size, Chat(), stack)):.0f}")
        for size in cost.SIZES
    ]


def test_costs_follow_the_template() -> None:
    """The tool reads the template, so a page that is as it says cannot be out of date."""
    resources = TEMPLATE["Resources"]
    stack = read_stack()
    assert stack.memory_gb["Capture"] == resources["Capture"]["Properties"]["MemorySize"] / 1024
    assert stack.capture_rate == TEMPLATE["Parameters"]["CaptureRate"]["Default"]
    assert stack.connection_rate == TEMPLATE["Parameters"]["ConnectionRate"]["Default"]
    assert stack.live_source == TEMPLATE["Parameters"]["LiveSource"]["Default"]
    # One of them has a value for each role.
    assert stack.metrics == len(Metric) + 5


def test_the_table_of_parameters_is_the_templates() -> None:
    found = parameters.TABLE.search(text("docs/deployment.md"))
    assert found is not None
    assert found[0] == parameters.table(), "run: make docs"


def test_every_parameter_is_documented() -> None:
    documented = set(re.findall(r"^\| `(\w+)` \|", parameters.table(), re.MULTILINE))
    assert documented == set(TEMPLATE["Parameters"])


@of_each_page
def test_a_parameter_that_a_page_sets_is_the_templates(page: Path) -> None:
    content = page.read_text(encoding="utf-8")
    overrides = re.findall(r"--parameter-overrides (.*?)(?:\n\n|`)", content, re.DOTALL)
    set_there = re.findall(r"\b([A-Z]\w+)=", " ".join(overrides))
    set_there += re.findall(r"`([A-Z][a-z]\w+)=\w*`", content)
    assert set(set_there) <= set(TEMPLATE["Parameters"])


def test_every_metric_is_explained_and_every_explained_metric_is_one() -> None:
    explained = table_that_names("ChatsPublished", "docs/operations.md")
    assert sorted(name for name, *_ in explained) == sorted(Metric)
    assert {function for _, function, *_ in explained} <= FUNCTIONS


def test_every_alarm_is_explained() -> None:
    alarms = {n for n, r in TEMPLATE["Resources"].items() if r["Type"] == "AWS::CloudWatch::Alarm"}
    explained = table_that_names("PublishFailed", "docs/operations.md")
    assert {name for name, *_ in explained} == alarms


def test_every_function_has_its_permissions_told() -> None:
    told = {name for name, *_ in table_that_names("Capture", "docs/security.md")}
    assert told & TEMPLATE["Resources"].keys() == FUNCTIONS


def test_every_output_that_a_page_asks_for_is_one() -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    asked = set(re.findall(r"\$\(output (\w+)\)", pages))
    assert asked
    assert asked <= set(TEMPLATE["Outputs"])
    resources = set(re.findall(r"\$\(physical (\w+)\)", pages))
    assert resources
    assert resources <= set(TEMPLATE["Resources"])


@pytest.mark.parametrize(
    "words", COMMANDS, ids=[f"{number} {words[2]}" for number, words in enumerate(COMMANDS)]
)
def test_the_aws_cli_knows_a_command_with_its_options(words: list[str]) -> None:
    _, service, operation, *rest = words
    session = botocore.session.get_session()
    model = session.get_service_model("s3" if service == "s3api" else service)
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    if operation == "wait":
        waited, *rest = rest
        waiters = session.get_waiter_model(model.service_name)
        names = {xform_name(name, "-"): name for name in waiters.waiter_names}
        operation = xform_name(waiters.get_waiter(names[waited]).operation, "-")
    assert operation in operations
    shape = model.operation_model(operations[operation]).input_shape
    assert shape is not None
    known = {xform_name(name, "-") for name in shape.members} | GLOBAL_OPTIONS
    # What is on or off is said by the option, or by no- before it.
    given = {word[2:].removeprefix("no-") for word in rest if word.startswith("--")}
    assert given <= known
    required = {xform_name(name, "-") for name in shape.required_members}
    # The CLI takes the file that it writes to as a word without a name.
    assert required - given <= {"outfile"}


@of_each_page
def test_a_shell_can_read_the_commands_of_a_page(page: Path) -> None:
    script = "\n".join(SHELL.findall(page.read_text(encoding="utf-8")))
    done = subprocess.run(["bash", "-n"], input=script, check=False, text=True, capture_output=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_pages_have_commands_to_look_at() -> None:
    asked = {(words[1], words[2]) for words in COMMANDS}
    assert {("dynamodb", "update-item"), ("lambda", "invoke")} <= asked


def test_the_authorizer_of_the_integration_page_lets_pass_what_came_by_the_way_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scripts = re.findall(
        r"^```python\n(.*?)^```", text("docs/integration.md"), re.DOTALL | re.MULTILINE
    )
    [script] = [script for script in scripts if "x-origin-verify" in script]
    space: dict[str, Any] = {}
    exec(script, space)
    monkeypatch.setenv("ORIGIN_VERIFY", "a word")
    for headers, passes in (({"x-origin-verify": "a word"}, True), ({}, False)):
        assert space["handler"]({"headers": headers}, None) == {"isAuthorized": passes}


def test_the_python_of_the_integration_page_registers_a_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken: list[tuple[str, Any]] = []

    class Tokens(Handler):
        def take(self) -> None:
            taken.append((self.headers["Authorization"], json.loads(self.body())))
            self.answer()

    scripts = re.findall(
        r"^```python\n(.*?)^```", text("docs/integration.md"), re.DOTALL | re.MULTILINE
    )
    [script] = [script for script in scripts if "def register_token" in script]
    space: dict[str, Any] = {}
    exec(script, space)
    with served(Tokens) as url:
        for name, value in {
            "TOKENS_URL": f"{url}/tokens",
            "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "eu-central-1",
        }.items():
            monkeypatch.setenv(name, value)
        token = {"ContactId": "contact", "ParticipantToken": "token"}
        space["register_token"](token)
    [(authorization, body)] = taken
    assert "/eu-central-1/execute-api/aws4_request" in authorization
    assert body == token


def test_the_rule_for_a_topic_is_of_the_events_that_capture_sends() -> None:
    page = text("docs/operations.md")
    [sample] = re.findall(r"^```json\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    event = json.loads(sample)
    [template] = re.findall(r"^```yaml\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    rule = yaml_parse(template)["Resources"]["Rule"]["Properties"]
    assert (event["source"], event["detail-type"]) == (SOURCE, DETAIL_TYPE)
    assert matches(rule["EventPattern"], event)
    assert not matches(rule["EventPattern"], {**event, "detail": {"kind": "unseen"}})
    [target] = rule["Targets"]
    paths = target["InputTransformer"]["InputPathsMap"]
    assert {path.removeprefix("$.detail.") for path in paths.values()} < event["detail"].keys()
    named = re.findall(r"<(\w+)>", target["InputTransformer"]["InputTemplate"])
    assert sorted(named) == sorted(paths)


def test_the_hooks_before_a_commit_call_the_tools_of_the_gate() -> None:
    [config] = yaml_parse(text(".pre-commit-config.yaml"))["repos"]
    assert config["repo"] == "local"
    gate = recipe("check")
    entries = [hook["entry"] for hook in config["hooks"]]
    assert len(entries) > 3
    # Git names the files to the others; mypy needs all of them at once.
    [for_mypy] = [line for line in gate if "/mypy " in line]
    assert for_mypy in entries
    sources = for_mypy.partition(" ")[2]
    assert sources
    assert set(entries) - {line.removesuffix(f" {sources}") for line in gate} == {for_mypy}


def test_the_workflow_runs_the_gate_and_may_do_nothing_else() -> None:
    workflow = yaml_parse(text(".github/workflows/ci.yml"))
    assert workflow["permissions"] == {"contents": "read"}
    [job] = workflow["jobs"].values()
    assert [step["run"] for step in job["steps"] if "run" in step] == ["bash .ci/run"]
    used = [step["uses"] for step in job["steps"] if "uses" in step]
    assert [
        action for action in used if not re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", action)
    ] == []


@pytest.mark.parametrize("name", ["bug", "feature"])
def test_an_issue_template_asks_for_something_that_must_be_answered(name: str) -> None:
    form = yaml_parse(text(f".github/ISSUE_TEMPLATE/{name}.yml"))
    assert {"name", "description", "body"} <= form.keys()
    asked = [field for field in form["body"] if field["type"] != "markdown"]
    assert len({field["id"] for field in asked}) == len(asked)
    assert any(field.get("validations", {}).get("required") for field in asked)
