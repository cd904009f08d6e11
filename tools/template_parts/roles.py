"""The roles: what each function may do, and what keeps the tables.

What is granted is what is called: `tests/infrastructure/test_permissions.py` compares both, and
says what AWS does in a function's name. A function of its own needs a `Role` here.
"""

from __future__ import annotations

from dataclasses import replace

from tools.template_parts.lake_statements import (
    TABLE_NAMES,
    VIEW_NAMES,
    catalog,
    databases,
    documents,
    erasures,
    export_key,
    forget_results,
    list_documents,
    list_exports,
    maintain,
    miss_documents,
    optimizer_logs,
    query_results,
    read_exports,
    table_files,
    workgroup,
)
from tools.template_parts.role_resource import Role, as_yaml
from tools.template_parts.role_statements import (
    chat_items,
    connect,
    due,
    key_by,
    older_due,
    open_tokens,
    protect_tables,
    reserve,
    schedule,
    schedule_of_chats,
    seal_tokens,
    send,
    take,
    tell_of_waiting,
)

_DESCRIBE = connect("DescribeContact", "DescribeContact", "contact", "contacts of the instance")
_TO_PUBLISH = send("SendToPublish", "PublishQueue", "the publish queue")
# Which chat a contact is a leg of, and that it is none of an erased one.
_FIND_CHAT = (
    chat_items("FindChat", "BatchGetItem", "leg tombstone"),
    chat_items("NoteLeg", "UpdateItem", "chat leg"),
)
# A document that is merged may bring legs together, or turn out to be of an erased chat.
_MERGE = (
    chat_items("FindChats", "BatchGetItem", "chat leg tombstone"),
    chat_items("NoteLegs", "UpdateItem", "chat leg tombstone"),
)
_READ_LEGS = chat_items("ReadLegs", "GetItem", "chat")
_FORGET_ERASED = chat_items("ForgetErased", "DeleteItem", "chat leg")
_MERGE_DOCUMENTS = (
    documents("MergeDocuments", "DeleteObject GetObject PutObject"),
    miss_documents(),
)
_EXPORTS = (read_exports(), list_exports(), export_key())
_COMMIT_TO_TABLES = catalog("CommitToTables", "GetTable UpdateTable", "the tables", *TABLE_NAMES)
_PUBLISH = (
    _READ_LEGS,
    *table_files(),
    _COMMIT_TO_TABLES,
    databases("GetDatabase"),
    key_by("dynamodb s3", writes=True),
    _TO_PUBLISH,
)

ROLES = (
    Role(
        "StartChat",
        "Starts chats for web pages",
        (
            schedule_of_chats("GetItem PutItem UpdateItem"),
            key_by("dynamodb"),
            seal_tokens(),
            connect("StartChats", "StartChatContact", "contact-flow", "flows of the instance"),
        ),
        when="HasStartChatApi",
    ),
    Role(
        "TakeToken",
        "Takes tokens of chats that others started",
        (
            *_FIND_CHAT,
            schedule_of_chats("GetItem PutItem UpdateItem"),
            key_by("dynamodb"),
            seal_tokens(),
            _DESCRIBE,
        ),
        when="HasTokensApi",
    ),
    Role(
        "LastRead",
        "Reads chats whose end comes",
        (
            *_MERGE,
            _READ_LEGS,
            _FORGET_ERASED,
            schedule_of_chats("GetItem PutItem Query UpdateItem"),
            reserve(),
            *_MERGE_DOCUMENTS,
            key_by("dynamodb s3", writes=True),
            seal_tokens(),
            open_tokens(),
        ),
        when="HasLastRead",
        apart=True,
    ),
    Role(
        "Track",
        "Notes contact events and new exports",
        (
            *_FIND_CHAT,
            schedule_of_chats("GetItem PutItem UpdateItem"),
            key_by("dynamodb"),
            _DESCRIBE,
            send("SendToDeadLetters", "TrackDeadLetters", "the dead letters of Track"),
        ),
    ),
    Role(
        "Capture",
        "Follows live chats, reads those that are due",
        (
            *_MERGE,
            chat_items("ReadLegs", "GetItem", "chat watch"),
            chat_items("ForgetErased", "DeleteItem", "chat leg watch"),
            older_due(),
            schedule("BatchWriteItem DeleteItem GetItem PutItem Query UpdateItem"),
            due(),
            *_MERGE_DOCUMENTS,
            *_EXPORTS,
            key_by("dynamodb s3", writes=True),
            seal_tokens(),
            open_tokens(),
            _TO_PUBLISH,
            tell_of_waiting(),
            # The record of a contact says whether Connect has redacted its transcript.
            replace(_DESCRIBE, when="KeepsRedacted"),
        ),
        apart=True,
    ),
    Role(
        "Publish",
        "Turns documents into rows of the tables",
        (
            take("PublishQueue", "the publish queue"),
            chat_items("FindChats", "BatchGetItem", "chat leg tombstone"),
            chat_items("NotePublished", "UpdateItem", "chat tombstone"),
            _FORGET_ERASED,
            documents("ReadDocuments", "GetObject"),
            miss_documents(),
            *_PUBLISH,
        ),
    ),
    Role(
        "Reconcile",
        "Looks for chats that no event told of, and for those that are stuck",
        (
            chat_items("FindChats", "BatchGetItem", "chat leg tombstone watch"),
            chat_items("Republish", "UpdateItem", "chat republication"),
            chat_items("GoOnRepublishing", "DeleteItem GetItem", "republication"),
            schedule_of_chats("BatchGetItem GetItem PutItem UpdateItem"),
            due(),
            documents("ReadDocuments", "GetObject"),
            list_documents("ListBucket"),
            list_exports(),
            key_by("dynamodb s3"),
            _TO_PUBLISH,
            connect("SearchContacts", "SearchContacts", "", "the instance"),
            # Without it SearchContacts is refused.
            _DESCRIBE,
        ),
    ),
    Role(
        "Backfill",
        "Takes in chats of the past",
        (
            take("BackfillQueue", "the backfill queue"),
            *_MERGE,
            _READ_LEGS,
            _FORGET_ERASED,
            chat_items("NoteProgress", "UpdateItem", "backfill"),
            *_MERGE_DOCUMENTS,
            *_EXPORTS,
            key_by("dynamodb s3", writes=True),
            _TO_PUBLISH,
            send("SendToDeadLetters", "BackfillDeadLetters", "the dead letters of Backfill"),
            replace(_DESCRIBE, when="KeepsRedacted"),
            # What there was no time to ask about.
            replace(send("SendAgain", "BackfillQueue", "the backfill queue"), when="KeepsRedacted"),
        ),
    ),
    Role(
        "Erase",
        "Removes chats everywhere, and for good",
        (
            chat_items("FindChats", "BatchGetItem", "chat leg tombstone watch"),
            chat_items("NoteErased", "UpdateItem", "chat leg tombstone"),
            chat_items("ForgetErased", "DeleteItem", "chat leg watch"),
            schedule_of_chats("BatchGetItem BatchWriteItem Query"),
            documents("DeleteDocuments", "DeleteObject DeleteObjectVersion GetObject"),
            miss_documents(),
            list_documents("ListBucketVersions"),
            erasures(),
            catalog("SeeOptimizers", "GetTableOptimizer", "the tables", *TABLE_NAMES),
            *_PUBLISH,
        ),
    ),
    Role(
        "MakeTables",
        "Makes the tables, views and named queries",
        (
            chat_items("Republish", "UpdateItem", "republication"),
            protect_tables(),
            *table_files(),
            *query_results(),
            forget_results(),
            catalog(
                "MakeTablesAndViews",
                "CreateTable DeleteTable GetPartitions GetTable GetTables UpdateTable",
                "the tables and views",
                *TABLE_NAMES,
                *VIEW_NAMES,
            ),
            databases("GetDatabase GetDatabases", "default"),
            workgroup(
                "BatchGetNamedQuery CreateNamedQuery GetQueryExecution ListNamedQueries "
                "StartQueryExecution UpdateNamedQuery"
            ),
            key_by("dynamodb s3 athena", writes=True),
        ),
    ),
    Role(
        "Optimizer",
        "Lets Glue compact the tables and delete what nobody needs any more",
        (
            *table_files(),
            _COMMIT_TO_TABLES,
            key_by("s3", writes=True),
            optimizer_logs(),
        ),
        service="glue",
        when="HasOptimizers",
    ),
    Role(
        "Maintenance",
        "Lets schedules run OPTIMIZE and VACUUM on the tables",
        (
            maintain(),
            *table_files(),
            *query_results(),
            _COMMIT_TO_TABLES,
            databases("GetDatabase", "default"),
            key_by("s3 athena", writes=True),
            send("SendToDeadLetters", "MaintenanceDeadLetters", "the dead letters of schedules"),
        ),
        service="scheduler",
        when="MaintainsByAthena",
    ),
)


def rendered() -> str:
    """Return the resources as the template has them."""
    return "\n".join(map(as_yaml, ROLES))
