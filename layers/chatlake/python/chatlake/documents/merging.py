"""How values and mappings merge: commutative, associative and idempotent, each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatlake.json_codec import Json, canonical_json, dumps

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def greatest(a: Json, b: Json) -> Json:
    """Return the value with the greater canonical JSON."""
    # The bytes tell apart what canonical JSON writes alike (1 and 1.0).
    return max(a, b, key=lambda value: (canonical_json(value), dumps(value)))


def join[V](a: Mapping[str, V], b: Mapping[str, V], merge: Callable[[V, V], V]) -> dict[str, V]:
    """Join two mappings; `merge` joins the values of a key that both have."""
    joined = {**a, **b}
    for key in a.keys() & b.keys():
        joined[key] = merge(a[key], b[key])
    return joined


def merge_into[V](joined: dict[str, V], key: str, value: V, merge: Callable[[V, V], V]) -> None:
    """Add a value under a key, merged with the one that is there."""
    known = joined.get(key)
    joined[key] = value if known is None else merge(known, value)
