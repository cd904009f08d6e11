"""One schema, and everything that is made of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from chatlake.tables import schema
from chatlake.tables.flatten import arrow_schema
from chatlake.tables.lake.definition import iceberg_schema, partition_spec, sort_order

ROOT = Path(__file__).resolve().parents[3]
tables = pytest.mark.parametrize("table", schema.TABLES, ids=lambda table: table.name)


def test_the_data_dictionary_is_that_of_the_schema() -> None:
    made = subprocess.run(
        [sys.executable, ROOT / "tools" / "data_dictionary.py"],
        check=True,
        capture_output=True,
        text=True,
    )
    page = (ROOT / "docs" / "data-dictionary.md").read_text(encoding="utf-8")
    assert page == made.stdout, "run `make docs`"


def test_the_tables_are_those_of_the_contract() -> None:
    columns = {table.name: " ".join(c.name for c in table.columns) for table in schema.TABLES}
    assert columns == {
        "messages": (
            "instance_id initial_contact_id chat_day contact_id related_contact_id item_id "
            "item_type content_type content participant_id participant_role display_name sent_at "
            "processing_status attachment_count receipt_count extra"
        ),
        "receipts": (
            "instance_id initial_contact_id chat_day contact_id message_id "
            "sender_participant_id sender_role recipient_participant_id recipient_role sent_at "
            "delivered_at read_at delivery_latency_ms read_latency_ms extra"
        ),
        "attachments": (
            "instance_id initial_contact_id chat_day contact_id item_id attachment_id "
            "attachment_name content_type status participant_id participant_role sent_at extra"
        ),
        "read_latency": (
            "instance_id initial_contact_id chat_day contact_id message_id "
            "sender_participant_id sender_role recipient_participant_id recipient_role recipients "
            "message_length queue_arn agent_arn sent_at recipient_joined_at delivered_at read_at "
            "read_by_at delivery_latency_ms read_latency_ms read_by_latency_ms since_joined_ms "
            "not_seen_for_ms observed_to_end read_state"
        ),
        "contacts": (
            "instance_id initial_contact_id chat_day contact_id previous_contact_id "
            "related_contact_id channel initiation_method disconnect_reason initiated_at "
            "enqueued_at connected_to_agent_at disconnected_at queue_arn agent_arn customer_id "
            "subtype hierarchy_groups tags segment_attributes chat_metrics sources "
            "receipts_available receipts_observed_until complete message_count receipt_count "
            "document_revision row_format published_at extra"
        ),
    }


@tables
def test_only_ids_that_every_row_has_are_required(table: schema.Table) -> None:
    required = [column.name for column in table.columns if column.required]
    expected = ["initial_contact_id", "contact_id"]
    assert required == expected + [n for n in ("item_id", "message_id") if n in table.key]


@tables
def test_no_time_has_a_zone(table: schema.Table) -> None:
    """Athena refuses views and tables made of such; BI tools pass them over."""
    types = {str(field.field_type) for field in iceberg_schema(table).fields}
    assert types <= {"string", "timestamp", "date", "int", "long", "boolean"}
    assert "timestamp" in types
    assert not [field.name for field in arrow_schema(table) if getattr(field.type, "tz", None)]


@tables
def test_every_table_and_column_has_a_doc(table: schema.Table) -> None:
    assert table.doc.endswith(".")
    assert [column.name for column in table.columns if not column.doc.endswith(".")] == []
    assert [field.doc for field in iceberg_schema(table).fields] == [c.doc for c in table.columns]


@tables
def test_arrow_and_iceberg_have_the_same_columns(table: schema.Table) -> None:
    arrow, iceberg = arrow_schema(table), iceberg_schema(table)
    assert arrow.names == list(iceberg.column_names)
    assert [f.nullable for f in arrow] == [f.optional for f in iceberg.fields]


@tables
def test_a_table_is_partitioned_by_day_and_sorted_by_chat_and_time(table: schema.Table) -> None:
    fields = iceberg_schema(table)
    (partition,) = partition_spec(table).fields
    assert fields.find_column_name(partition.source_id) == table.partition_by
    assert str(partition.transform) == "day"
    assert [
        fields.find_column_name(f.source_id)
        for f in sort_order(table, iceberg_schema(table)).fields
    ] == [
        "initial_contact_id",
        table.partition_by,
    ]
