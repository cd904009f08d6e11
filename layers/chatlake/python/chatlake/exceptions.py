"""What can go wrong, each saying what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class ChatlakeError(Exception):
    """Base of every error that chatlake raises on purpose."""


class RejectedInput(ChatlakeError):
    """A value that is no transcript; its message says why and holds no content of it."""


class ChatErased(RejectedInput):
    """A token came for a chat that was erased."""


class NotAllowed(RejectedInput):
    """A page asked for what the stack lets no page ask for; its message says what would let it."""


class SettingMissing(ChatlakeError):
    """A function lacks an environment variable that the template sets."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the environment variable {name} is missing or unreadable")


class SettingNotAllowed(ChatlakeError):
    """An environment variable has a value that no parameter of the template allows."""

    def __init__(self, name: str, allowed: str) -> None:
        super().__init__(f"the environment variable {name} must be {allowed}")


class ReserveTooLarge(ChatlakeError):
    """The calls that are kept for last reads leave capture none."""

    def __init__(self, reserve: float, rate: float) -> None:
        super().__init__(
            f"LastReadReserve ({reserve:g} calls a second) is part of CaptureRate ({rate:g}) and "
            "must be less: lower it, or turn LastReads off"
        )


class HandlerFailed(Exception):
    """An invocation that failed, reported without the text of the error that caused it."""


# --- documents ------------------------------------------------------------------------------------


class UnreadableDocument(ChatlakeError):
    """A stored document that this version cannot read; its kinds say what to do."""

    def __init__(self, initial_contact_id: str, message: str) -> None:
        super().__init__(message)
        self.initial_contact_id = initial_contact_id


class DamagedDocument(UnreadableDocument):
    """A stored document that cannot be read back by any version."""

    def __init__(self, initial_contact_id: str, reason: str) -> None:
        super().__init__(
            initial_contact_id,
            f"the document of chat {initial_contact_id} is damaged ({reason}): "
            "remove it and import its transcripts again",
        )


class UnsupportedDocumentFormat(UnreadableDocument):
    """A stored document that a newer version of chatlake has written; it is whole."""

    def __init__(self, initial_contact_id: str, found: int, newest_known: int) -> None:
        super().__init__(
            initial_contact_id,
            f"the document of chat {initial_contact_id} has format {found}, and this version of "
            f"chatlake knows formats up to {newest_known}: run the newer version that wrote it",
        )


class NewerDocuments(ChatlakeError):
    """The tables cannot be rebuilt: some documents were written by a newer version."""

    def __init__(self, count: int, example: UnsupportedDocumentFormat) -> None:
        rows = f"the rows of {count:,} document{'' if count == 1 else 's'}"
        super().__init__(f"{rows} would be lost, so the tables were left as they are; {example}")


class DocumentContested(ChatlakeError):
    """A document changed under a writer more often than it was ready to start over."""

    def __init__(self, initial_contact_id: str, attempts: int) -> None:
        super().__init__(
            f"the document of chat {initial_contact_id} changed under {attempts} attempts to write "
            "it; nothing is lost, try again"
        )


# --- tables ---------------------------------------------------------------------------------------


class PublishConflict(ChatlakeError):
    """A table changed under the publisher more often than it was ready to start over."""

    def __init__(self, table: str, attempts: int) -> None:
        super().__init__(
            f"table {table} changed under {attempts} attempts to publish; nothing is lost, "
            "run the command again when fewer writers are at work"
        )


class SnapshotConflict(ChatlakeError):
    """A table changed between loading it and committing to it; the publisher starts over."""

    def __init__(self, table: str) -> None:
        super().__init__(f"table {table} changed while rows were written; try again")


class TablesNotMade(ChatlakeError):
    """A table, view or named query could not be made; the message names it and says why."""


class LakeFormationRefused(ChatlakeError):
    """Lake Formation governs the catalog, and a role lacks a grant; IAM allows what was asked."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(
            f"Lake Formation refuses {what}: {why}. Deploy with LakeFormation=grants, or have its "
            "administrator grant it: docs/deployment.md, Lake Formation"
        )


class OlderTables(ChatlakeError):
    """A table is as version 0.1 made it; only making it anew from the documents helps."""

    def __init__(self, table: str) -> None:
        super().__init__(
            f"table {table} is of an older kind, whose times have a zone: deploy this version, "
            "which makes it anew from the documents"
        )


class TableDiffers(ChatlakeError):
    """Others have changed a table so that it cannot be written; `remedy` is SQL of Athena."""

    def __init__(self, table: str, what: str, remedy: str) -> None:
        super().__init__(
            f"table {table}: {what}. Nothing is written to it until that is mended, and what waits "
            f"to be published is kept: {remedy}"
        )
        self.table = table
        self.what = what
        self.remedy = remedy


class QueryFailed(ChatlakeError):
    """SQL that the engine refused; the message is the engine's own."""


# --- a lake folder --------------------------------------------------------------------------------


class LakeNotFound(ChatlakeError):
    """A command that reads was pointed at a folder without a lake."""

    def __init__(self, folder: str) -> None:
        super().__init__(
            f"there is no lake at {folder}: import transcripts first "
            "(chatlake import PATH…), or name another folder with --lake"
        )


class LakeMoved(ChatlakeError):
    """The tables of a lake folder are somewhere else: it was moved or copied."""

    def __init__(self, folder: str, location: str) -> None:
        super().__init__(
            f"the lake at {folder} was made elsewhere ({location}); make its tables anew here: "
            f"chatlake --lake {folder} rebuild"
        )


class LakeIncomplete(ChatlakeError):
    """A lake has documents, but the file that locates its tables is gone."""

    def __init__(self, folder: str, name: str) -> None:
        super().__init__(
            f"the lake at {folder} has lost its {name}; make its tables anew from the documents: "
            f"chatlake --lake {folder} rebuild"
        )


class LakeOutdated(ChatlakeError):
    """The tables of a lake folder are of version 0.1, which this version does not read."""

    def __init__(self, folder: str) -> None:
        super().__init__(
            f"the tables of the lake at {folder} were made by an earlier version of chatlake; make "
            f"them anew from the documents: chatlake --lake {folder} rebuild"
        )


class LakeDiffers(ChatlakeError):
    """A table of a lake folder was changed by others so that it cannot be written."""

    def __init__(self, folder: str, table: str, what: str) -> None:
        super().__init__(
            f"table {table} of the lake at {folder}: {what}; whoever did that may undo it, or make "
            f"the tables anew from the documents: chatlake --lake {folder} rebuild (what others "
            "have added to them is lost)"
        )


# --- a deployed stack -----------------------------------------------------------------------------


class PackagesMissing(ChatlakeError):
    """What only stacks need is not installed."""

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__(
            f"a stack needs packages that are not installed ({', '.join(names)}): "
            "pip install 'chatlake[aws]'"
        )


class StackUnusable(ChatlakeError):
    """A stack that is not there, or cannot be worked on as it is; the message says what to do."""


class AwsRefused(ChatlakeError):
    """AWS has refused a request or could not be reached; the message says what to do."""


class FunctionFailed(ChatlakeError):
    """A function of a stack has failed; its own words are chatlake's, or of Lambda."""

    def __init__(self, function: str, said: object) -> None:
        told = said if isinstance(said, dict) else {}
        self.kind = str(told.get("errorType", "unknown error"))
        reason = ": ".join(filter(None, (self.kind, told.get("errorMessage"))))
        super().__init__(f"{function} has failed ({reason}): see its log, then try again")


class SmokeFailed(ChatlakeError):
    """A chat that was sent through a stack has not come to its end."""

    def __init__(self, contact_id: str, why: str) -> None:
        super().__init__(f"chat {contact_id} is not in the tables: {why}")


class ContactUnknown(ChatlakeError):
    """Nothing of a contact is archived."""

    def __init__(self, contact_id: str, *, erased: bool = False) -> None:
        why = "its chat was erased" if erased else "nothing is archived of it; check its id"
        super().__init__(f"there is no document of contact {contact_id}: {why}")


# --- services of AWS ------------------------------------------------------------------------------


class MessageRefused(ChatlakeError):
    """A queue did not take a message; `then` says what becomes of it."""

    def __init__(self, queue: str, code: str, then: str) -> None:
        super().__init__(f"the {queue} queue refused a message: {code}; {then}")


class RecordUnavailable(ChatlakeError):
    """Connect's record of a contact did not tell whether an export was redacted."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the record of its contact is not to be had: {why}; it is tried again")


class OutOfTime(ChatlakeError):
    """A function has no time for more; what is left is for the next."""

    def __init__(self) -> None:
        super().__init__("there was no time for it; the next execution goes on with it")


class EventRefused(ChatlakeError):
    """EventBridge did not take an event."""

    def __init__(self, code: str) -> None:
        super().__init__(f"EventBridge refused an event: {code}; it may be sent again")
