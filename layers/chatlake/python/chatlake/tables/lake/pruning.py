"""Which files of a table may hold rows of some chats, told by their partitions and bounds."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pyiceberg.conversions import from_bytes
from pyiceberg.types import IntegerType, StringType, TimestampType

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pyiceberg.manifest import DataFile, ManifestFile
    from pyiceberg.table import Table as IcebergTable
    from pyiceberg.types import PrimitiveType

    from chatlake.chat_state import Day
    from chatlake.tables import schema

_CHAT = "initial_contact_id"
_DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Sought:
    """Chats whose old rows give way to new ones.

    Attributes
    ----------
    days
        The days where those of each chat can be.
    erased
        Chats of which nothing may be left in any file, not even rows that are deleted already.
    without
        Files that are known to hold no row of the erased ones, when no others are sought.
    """

    days: Mapping[str, Collection[Day]] = field(default_factory=dict)
    erased: Collection[str] = ()
    without: set[str] = field(default_factory=set)

    def note_without(self, file: DataFile) -> None:
        """Note that a file holds no row of the chats that are sought: it never will."""
        if self.only_erases:
            self.without.add(file.file_path)

    @property
    def only_erases(self) -> bool:
        """Whether all are erased."""
        return self.days.keys() <= set(self.erased)

    def __bool__(self) -> bool:
        return bool(self.days or self.erased)


class Pruning:
    """Leaves out the files that certainly hold no rows of sought chats.

    A file of our partition spec is told by its day, one of another by the bounds of the time.
    """

    def __init__(self, table: schema.Table, loaded: IcebergTable, sought: Sought) -> None:
        self.chats = sorted({*sought.days, *sought.erased})
        self._days = set["Day"]().union(*sought.days.values())
        self._anywhere = bool(sought.erased)
        self._without = sought.without if sought.only_erases else set[str]()
        self._own_spec_id = loaded.metadata.default_spec_id
        fields = loaded.schema()
        self._chat = fields.find_field(_CHAT).field_id
        self._time = fields.find_field(table.partition_by).field_id

    def in_manifest(self, manifest: ManifestFile) -> bool:
        """Return whether a file of a manifest may hold some."""
        if self._anywhere or manifest.partition_spec_id != self._own_spec_id:
            return True
        summary = manifest.partitions[0] if manifest.partitions else None
        if summary is None or (None in self._days and summary.contains_null):
            return True
        if summary.lower_bound is None or summary.upper_bound is None:
            return False
        of_type = IntegerType()
        return self._has_day_within(
            int(from_bytes(of_type, summary.lower_bound)),
            int(from_bytes(of_type, summary.upper_bound)),
        )

    def in_file(self, file: DataFile) -> bool:
        """Return whether a file may hold some."""
        return (
            file.file_path not in self._without
            and (self._anywhere or self._may_hold_days(file))
            and self._may_hold_chats(file)
        )

    def _may_hold_days(self, file: DataFile) -> bool:
        if file.spec_id == self._own_spec_id:
            return file.partition[0] in self._days
        bounds = _bounds(file, self._time, TimestampType())
        nulls = (file.null_value_counts or {}).get(self._time)
        if bounds is None or (None in self._days and nulls != 0):
            return True
        return self._has_day_within(*(bound // _DAY_US for bound in bounds))

    def _has_day_within(self, first: int, last: int) -> bool:
        return any(first <= day <= last for day in self._days if day is not None)

    def _may_hold_chats(self, file: DataFile) -> bool:
        bounds = _bounds(file, self._chat, StringType())
        if bounds is None:
            return True
        # Bounds may be cut short.
        lower, upper = bounds
        first = bisect_left(self.chats, lower)
        return first < len(self.chats) and self.chats[first] <= upper


def _bounds(file: DataFile, field_id: int, of_type: PrimitiveType) -> tuple[Any, Any] | None:
    lower = (file.lower_bounds or {}).get(field_id)
    upper = (file.upper_bounds or {}).get(field_id)
    if lower is None or upper is None:
        return None
    return from_bytes(of_type, lower), from_bytes(of_type, upper)
