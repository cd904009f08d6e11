"""The installed command, as a shell runs it: exit codes, streams, signals."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import chatlake
from chatlake.analytics.duckdb_engine import connect
from tests.command import run_command
from tests.lake_folder import LakeFolder, Ran
from tests.processes import begin, command, together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

COMMAND = Path(sys.executable).with_name("chatlake")
COMMANDS = ("import", "query", "rebuild", "verify", "erase", "status")
CANARY = "canary-7f3a"
LONGEST_S = 60
LEFT_OUT = {"CHATLAKE_LAKE", "PYTHONWARNINGS", "COLUMNS", "NO_COLOR", "FORCE_COLOR"}


def environment(**variables: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in LEFT_OUT}
    return {**kept, "PYTHONDEVMODE": "0", **variables}


@pytest.fixture(autouse=True)
def hears_ctrl_c() -> Iterator[None]:
    """A gate that runs in the background ignores Ctrl-C, and so would the commands it starts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def start(*arguments: str | Path, cwd: Path, **options: Any) -> subprocess.Popen[str]:
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(
        [str(COMMAND), *map(str, arguments)],
        cwd=cwd,
        text=True,
        encoding="utf-8",
        **{"env": environment(), **streams, **options},
    )


def run(
    *arguments: str | Path, cwd: Path, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    process = start(*arguments, cwd=cwd, env=environment(**(env or {})))
    out, err = process.communicate(timeout=LONGEST_S)
    assert "Traceback" not in err
    assert "Exception ignored" not in err
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def chat(chat_id: str, *contents: str) -> dict[str, Any]:
    return {
        "InitialContactId": chat_id,
        "Transcript": [
            {
                "Id": f"m{number}",
                "Type": "MESSAGE",
                "AbsoluteTime": f"2026-09-01T10:00:{number:02}.000Z",
                "Content": content,
                "DisplayName": f"{CANARY} Jane",
                "ParticipantId": "p",
                "ParticipantRole": "CUSTOMER",
                "ContactId": chat_id,
            }
            for number, content in enumerate(contents or (f"{CANARY} hello",))
        ],
    }


def write(path: Path, *values: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(value) + "\n" for value in values))
    return path


def count(table: str, cwd: Path) -> int:
    with connect(cwd / "lake") as connection:
        [(rows,)] = connection.execute(f"SELECT count(*) FROM {table}").fetchall()
    return int(rows)


type Here = Callable[..., Ran]


@pytest.fixture
def here(cwd: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Here:
    """Run the command within this process, where it starts at once, in the folder of the shell."""
    for name in LEFT_OUT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(cwd)

    def run(*arguments: str | Path) -> Ran:
        ran = run_command(monkeypatch, capsys, *arguments)
        assert CANARY not in ran.out + ran.err
        return ran

    return run


@pytest.fixture
def cwd(tmp_path: Path) -> Path:
    """Where the shell is: a folder with a file of two chats."""
    write(tmp_path / "chats.jsonl", chat("c1"), chat("c2", "one", "two"))
    return tmp_path


@pytest.fixture
def with_lake(cwd: Path) -> Path:
    """Where the shell is: the same folder, with a lake of the two chats."""
    LakeFolder(cwd / "lake", cwd).import_files(cwd / "chats.jsonl")
    return cwd


# --- a first look


def test_from_files_to_answers(cwd: Path) -> None:
    imported = run("import", "chats.jsonl", cwd=cwd)
    assert (imported.returncode, imported.stdout) == (0, "")
    assert imported.stderr.splitlines() == [
        "Reading: done",
        "Publishing: done",
        "2 transcripts in 1 file: chats 2 new, 0 changed, 0 unchanged.",
        "2 chats published to lake.",
    ]
    assert CANARY not in imported.stderr

    query = run("query", "--named", "messages_by_day", "--format", "csv", cwd=cwd)
    assert (query.returncode, query.stderr) == (0, "")
    assert query.stdout == "chat_day,chats,messages,messages_with_receipt\n2026-09-01,2,3,0\n"


@pytest.mark.world
def test_from_answers_back_to_files(with_lake: Path) -> None:
    cwd = with_lake
    erased = run("erase", "c2", "--purge", cwd=cwd)
    assert (erased.returncode, erased.stdout) == (0, "")
    assert count("messages", cwd) == 1

    verified = run("verify", cwd=cwd)
    assert (verified.returncode, verified.stdout) == (0, "")
    assert verified.stderr == "Verifying: done\nEvery row is as its document says.\n"

    assert run("rebuild", cwd=cwd).returncode == 0
    status = run("status", cwd=cwd)
    assert (status.returncode, status.stderr) == (0, "")
    assert status.stdout.startswith("Lake lake\n  1 chat, 1 contact; 0 chats waiting")


@pytest.mark.parametrize("option", ["--help", "-h"])
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_on_standard_output(
    command: str, option: str, tmp_path: Path
) -> None:
    ran = run(command, option, cwd=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith(f"Usage: chatlake {command} [OPTIONS]")
    assert "--lake" in ran.stdout


@pytest.mark.parametrize("command", ["", "import", "query", "report"])
def test_examples_in_the_help_stand_on_lines_of_their_own(command: str, tmp_path: Path) -> None:
    said = run(*command.split(), "--help", cwd=tmp_path).stdout
    examples = [line for line in said.splitlines() if line.startswith("    chatlake ")]
    assert [line.count("chatlake ") for line in examples] == [1] * len(examples) != []
    assert "\\b" not in said


def test_help_names_every_command(tmp_path: Path) -> None:
    ran = run("--help", cwd=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("Usage: chatlake [OPTIONS] COMMAND")
    assert all(f"\n  {name} " in ran.stdout for name in COMMANDS)


def test_the_version_is_that_of_the_package(tmp_path: Path) -> None:
    ran = run("--version", cwd=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == f"chatlake, version {chatlake.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Usage: chatlake"),
        (("nothing",), "No such command 'nothing'"),
        (("import",), "Missing argument 'PATH…'"),
        (("erase",), "Missing argument 'CONTACT_ID…'"),
        (("import", "--nothing", "x"), "No such option"),
        (("query", "SELECT 1", "SELECT 2"), "unexpected extra argument"),
        (("query", "SELECT 1", "--named", "read_states"), "give SQL or --named, not both"),
        (("query", "--named", "nothing"), "there is no query nothing; there are agents_whose"),
        (("query", "--named", "slow_queues"), "no query slow_queues; did you mean slowest_queues?"),
        (("query", "SELECT 1", "--format", "xml"), "'xml' is not one of"),
        (("query", "SELECT 1", "--format", "parquet"), "--format parquet needs --output FILE"),
        (("query", "SELECT 1", "--output", "."), "is a directory"),
        (("--lake", "chats.jsonl", "query", "SELECT 1"), "is a file"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_what_is_right(
    cwd: Path, arguments: tuple[str, ...], said: str
) -> None:
    ran = run(*arguments, cwd=cwd)
    assert ran.returncode == 2
    assert said in ran.stderr
    assert ran.stdout == ""
    assert not (cwd / "lake").exists()


# --- which lake


@pytest.mark.parametrize(
    ("name", "arguments", "env"),
    [
        ("lake", ("query", "SELECT 1"), {}),
        ("before", ("--lake", "before", "query", "SELECT 1"), {}),
        ("after", ("query", "SELECT 1", "--lake", "after"), {}),
        ("by-env", ("query", "SELECT 1"), {"CHATLAKE_LAKE": "by-env"}),
        ("over-env", ("--lake", "over-env", "query", "SELECT 1"), {"CHATLAKE_LAKE": "no"}),
        ("over-it", ("query", "--lake", "over-it", "SELECT 1"), {"CHATLAKE_LAKE": "no"}),
        ("last", ("--lake", "no", "query", "SELECT 1", "--lake", "last"), {}),
    ],
)
def test_the_lake_is_named_before_or_after_the_command_or_by_the_environment(
    tmp_path: Path, name: str, arguments: tuple[str, ...], env: dict[str, str]
) -> None:
    ran = run(*arguments, cwd=tmp_path, env=env)
    assert ran.stderr.startswith(f"Error: there is no lake at {name}: ")
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (1, "", 1)


def test_a_lake_of_that_name_is_made_by_an_import(
    cwd: Path, here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHATLAKE_LAKE", "no")
    ran = here("--lake", "deep/er", "import", "chats.jsonl")
    assert ran.err.endswith("published to deep/er.\n")
    assert {path.name for path in cwd.iterdir()} == {"deep", "chats.jsonl"}


# --- exit codes and streams


def test_rejected_input_ends_with_1_and_the_rest_is_in(cwd: Path) -> None:
    write(cwd / "bad.json", [f"{CANARY} in a list"])
    ran = run("import", "chats.jsonl", "bad.json", "missing.json", cwd=cwd)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.splitlines()[-2:] == [
        "Rejected: missing.json: there is no such file or folder",
        "Rejected: bad.json:1: it is a list, not an object",
    ]
    assert CANARY not in ran.stderr
    assert count("contacts", cwd) == 2


@pytest.mark.parametrize("name", ["transcript", "empty"])
def test_an_import_that_finds_no_file_makes_no_lake(name: str, cwd: Path, here: Here) -> None:
    (cwd / "empty").mkdir()
    ran = here("import", name)
    said = ["There are no transcript files; their names end in .json, .json.gz, .jsonl, .jsonl.gz."]
    missing = ["Rejected: transcript: there is no such file or folder"]
    expected = (0, said) if name == "empty" else (1, said + missing)
    assert (ran.code, ran.err.splitlines()) == expected
    assert not (cwd / "lake").exists()


def test_a_lake_inside_the_folder_of_an_import_is_passed_over(here: Here) -> None:
    assert here("import", ".").code == 0
    again = here("import", ".")
    assert again.code == 0
    assert "2 transcripts in 1 file: chats 0 new, 0 changed, 2 unchanged." in again.err


@pytest.mark.parametrize("command", [("report",), ("query", "SELECT 1")])
def test_a_missing_folder_of_the_output_is_told_before_the_work(
    command: tuple[str, ...], cwd: Path
) -> None:
    ran = run(*command, "--output", "missing/file", cwd=cwd)
    assert ran.returncode == 2
    assert "Invalid value for '--output': there is no folder missing" in ran.stderr


def test_a_file_name_that_is_no_utf_8_is_told_with_escapes(cwd: Path) -> None:
    (cwd / "in").mkdir()
    write(cwd / "in" / os.fsdecode(b"caf\xe9.json"), [])
    ran = run("import", "in", cwd=cwd)
    assert ran.returncode == 1
    assert r"caf\udce9.json:1: it is a list, not an object" in ran.stderr


def test_a_lake_that_cannot_be_made_is_one_line_on_standard_error(here: Here) -> None:
    ran = here("import", "chats.jsonl", "--lake", "/dev/null/lake")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("Error: /dev/null/lake")
    assert ran.err.endswith(": Not a directory\n")
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize("output_format", ["csv", "json"])
def test_a_reader_that_has_enough_is_no_error(with_lake: Path, output_format: str) -> None:
    process = start(
        "query", "SELECT * FROM range(3000000)", "--format", output_format, cwd=with_lake
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() in {"range\n", "[\n"}
    process.stdout.close()
    with process.stderr as stream:
        assert stream.read() == ""
    assert process.wait(LONGEST_S) in {0, 1, -signal.SIGPIPE}


# --- Ctrl-C


def assert_interrupted(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=LONGEST_S)
    assert (process.returncode, out) == (130, "")
    last = err.splitlines()[-1]
    assert last == "Interrupted. Nothing is lost: run the same command again to go on."
    assert "Traceback" not in err
    assert CANARY not in err


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + LONGEST_S
    while not condition():
        assert process.poll() is None, "it ended before it could be interrupted"
        assert time.monotonic() < deadline
        time.sleep(0.005)


def assert_the_same_command_goes_on(
    run: Here, *arguments: str | Path, cwd: Path, messages: int
) -> None:
    assert run(*arguments).code == 0
    assert count("messages", cwd) == messages
    assert LakeFolder(cwd / "lake", cwd).differences() == []


def test_ctrl_c_while_documents_are_written_leaves_them_to_the_same_command(
    cwd: Path, here: Here
) -> None:
    LakeFolder(cwd / "lake", cwd).import_files(write(cwd / "first.jsonl", chat("c0")))
    documents = cwd / "lake" / "documents"
    second = documents / hashlib.sha256(b"c2").hexdigest()[:2]
    second.mkdir()
    with (second / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = start("import", "chats.jsonl", cwd=cwd)
        wait_for(lambda: any(documents.glob("??/c1.json")), process)
        assert_interrupted(process)
    assert count("messages", cwd) == 1
    assert_the_same_command_goes_on(here, "import", "chats.jsonl", cwd=cwd, messages=4)


def test_ctrl_c_before_rows_are_published_leaves_them_to_the_next_import(
    with_lake: Path, here: Here
) -> None:
    more = write(with_lake / "more.jsonl", chat("c3"), chat("c4"))
    with (with_lake / "lake" / "publish.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = start("import", more, cwd=with_lake)
        wait_for(lambda: len(list(with_lake.glob("lake/documents/??/*.json"))) == 4, process)
        assert_interrupted(process)
    assert count("messages", with_lake) == 3
    assert_the_same_command_goes_on(here, "import", "more.jsonl", cwd=with_lake, messages=5)


@pytest.mark.world
def test_ctrl_c_in_the_midst_of_the_work_loses_nothing(tmp_path: Path, here: Here) -> None:
    number = 5_500  # more than are published at once
    many = write(tmp_path / "many.jsonl", *(chat(f"chat-{n:06}") for n in range(number)))
    process = start("import", many, cwd=tmp_path)
    wait_for(lambda: any(tmp_path.glob("lake/warehouse/**/*.parquet")), process)
    assert_interrupted(process)
    assert_the_same_command_goes_on(here, "import", many, cwd=tmp_path, messages=number)


PROGRAM = """
import signal, sys, threading, time
from chatlake.cli import commands as cli
from chatlake.embedded import import_files

class Falls:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)

def publish_waiting(*_):
    {work}

import_files.publish_waiting = publish_waiting
sys.argv = ["chatlake", "import", "chats.jsonl"]
cli.main()
"""


@pytest.mark.parametrize(
    "work",
    [
        # As a pool's thread, if an interrupt falls while the pool starts it.
        "threading.Thread(target=threading.Event().wait).start(); signal.raise_signal(2)",
        # As weak references' callbacks, if it falls while garbage is collected.
        "Falls(); time.sleep(3600)",
        # As libraries make an error of their own of whatever comes out of a call back.
        """
    try:
        signal.raise_signal(2)
    except BaseException as error:
        raise ValueError("not serializable") from error""",
    ],
    ids=["a thread that nobody will end", "where no exception gets out", "where it is turned"],
)
def test_ctrl_c_is_heard_wherever_it_falls(cwd: Path, here: Here, work: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM.replace("{work}", work)],
        check=False,
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
    )
    assert (ran.returncode, ran.stdout) == (130, "")
    assert ran.stderr.splitlines() == [
        "Reading: done",
        "",
        "Interrupted. Nothing is lost: run the same command again to go on.",
    ]
    assert_the_same_command_goes_on(here, "import", "chats.jsonl", cwd=cwd, messages=3)


def test_ctrl_c_in_a_long_query_leaves_no_folder_behind(with_lake: Path) -> None:
    temporary = with_lake / "temporary"
    temporary.mkdir()
    endless = "SELECT sum(random()) FROM range(1000000000000)"
    process = start("query", endless, cwd=with_lake, env=environment(TMPDIR=str(temporary)))
    # Python's tempfile tries with a file of its own whether it may write there.
    wait_for(lambda: any(temporary.glob("chatlake-*/")), process)
    assert_interrupted(process)
    assert list(temporary.glob("chatlake-*")) == []


def test_a_query_that_is_cut_off_leaves_the_file_of_before(with_lake: Path) -> None:
    folder = with_lake / "answers"
    folder.mkdir()
    output = folder / "rows.csv"
    output.write_text("of before")
    endless = "SELECT random() FROM range(1000000000000)"
    process = start("query", endless, "--format", "csv", "--output", output, cwd=with_lake)
    wait_for(lambda: any(path != output for path in folder.iterdir()), process)
    assert_interrupted(process)
    failing = "SELECT if(range > 500000, error('no'), range) FROM range(1000000)"
    for output_format in ("csv", "parquet"):
        ran = run("query", failing, "--format", output_format, "--output", output, cwd=with_lake)
        assert ran.returncode == 1
    assert [path.name for path in folder.iterdir()] == ["rows.csv"]
    assert output.read_text() == "of before"


def test_a_report_goes_into_a_pipe_by_its_name(with_lake: Path) -> None:
    ran = run("report", "--output", "/dev/stdout", cwd=with_lake)
    assert ran.returncode == 0
    assert ran.stdout.startswith("<!DOCTYPE html>")
    assert ran.stdout.rstrip().endswith("</html>")


# --- terminals


def read_all(terminal: int) -> str:
    """What was written to a terminal until its other side was closed."""
    said = b""
    while True:
        try:
            more = os.read(terminal, 65536)
        except OSError:  # Linux says so when nobody has the other side open
            break
        if not more:
            break
        said += more
    return said.decode()


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    ours, theirs = pty.openpty()
    yield ours, theirs
    os.close(ours)


def test_a_progress_bar_is_on_a_terminal_only_and_never_on_standard_output(
    cwd: Path, here: Here, terminal: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = terminal
    env = environment(TERM="xterm-256color")
    process = start("import", "chats.jsonl", cwd=cwd, stderr=theirs, env=env)
    os.close(theirs)
    shown = read_all(ours)
    assert process.stdout is not None
    with process.stdout as stream:
        assert stream.read() == ""
    assert process.wait(LONGEST_S) == 0
    for part in ("Reading", "Publishing", "100%", "━━━", "chats 2 new"):
        assert part in shown
    assert CANARY not in shown

    monkeypatch.setenv("TERM", "xterm-256color")
    elsewhere = here("import", "chats.jsonl")
    assert "━" not in elsewhere.err
    assert "\x1b" not in elsewhere.err


def test_a_result_is_the_same_text_while_a_terminal_shows_the_errors(
    with_lake: Path, terminal: tuple[int, int]
) -> None:
    ours, theirs = terminal
    query = ("query", "SELECT item_id FROM messages ORDER BY ALL", "--format", "csv")
    process = start(*query, cwd=with_lake, stderr=theirs)
    os.close(theirs)
    assert process.communicate(timeout=LONGEST_S)[0] == "item_id\nm0\nm0\nm1\n"
    assert read_all(ours) == ""


# --- many at once


def test_a_lake_that_many_open_at_once_is_made_once_and_holds_it_all(tmp_path: Path) -> None:
    files = [
        write(
            tmp_path / f"{number}.jsonl",
            *(chat(f"c{number}-{n}") for n in range(5)),
            chat("all", *"ab"),
        )
        for number in range(3)
    ]
    lake = tmp_path / "lake"
    at_once = together(len(files))
    imports = [
        begin(file.with_suffix(".log"), command, "--lake", lake, "import", file, barrier=at_once)
        for file in files
    ]
    until = time.monotonic() + LONGEST_S
    while not (lake / "catalog.db").exists():
        assert time.monotonic() < until
        time.sleep(0.005)
    # Whoever looks by then waits until the lake is made.
    look = begin(tmp_path / "look.log", command, "--lake", lake, "status")
    for process in (*imports, look):
        process.must_end_well()
        assert "Traceback" not in process.said
    assert count("messages", tmp_path) == 3 * 5 + 2
    assert LakeFolder(tmp_path / "lake", tmp_path).differences() == []
