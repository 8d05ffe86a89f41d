"""Sessions as kubectl would list them, and as data."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from kdebug.cli.output import API_VERSION, as_json, as_yaml
from kdebug.domain.ownership import SessionRecord, format_time
from kdebug.domain.text import age, safe

NONE = "<none>"
UNKNOWN = "<unknown>"
_COLUMNS = ("NAME", "TARGET", "CONTAINER", "USER", "STATE", "LEFT", "AGE")
_WIDE = ("IMAGE", "HOLDER")


def render_sessions(
    records: Sequence[SessionRecord], *, now: datetime, form: str = "", with_namespace: bool = False
) -> str:
    """Return the sessions in a form: '' or wide (a table; empty without sessions), name, json or yaml.

    `now` is the server's clock, by which ages and the time left are told.
    """
    if form == "name":
        return "".join(f"{record.id}\n" for record in records)
    items = [_item(record, now) for record in records]
    if form == "json":
        return as_json("SessionList", {"items": items})
    if form == "yaml":
        return as_yaml([{"apiVersion": API_VERSION, "kind": "SessionList", "items": items}])
    return _table(records, now, is_wide=form == "wide", with_namespace=with_namespace)


def state_of(record: SessionRecord, now: datetime) -> str:
    """Return one word: Expired, Detached, HolderLost (another may become the holder) or Active."""
    if record.is_expired(now):
        return "Expired"
    if record.is_detached:
        return "Detached"
    return "HolderLost" if record.is_holder_lost(now) else "Active"


def _table(records: Sequence[SessionRecord], now: datetime, *, is_wide: bool, with_namespace: bool) -> str:
    if not records:
        return ""
    header = (*(("NAMESPACE",) if with_namespace else ()), *_COLUMNS, *(_WIDE if is_wide else ()))
    rows = [header]
    for record in records:
        left = record.until - now if record.until else None
        cells = (
            *((record.namespace,) if with_namespace else ()),
            record.id,
            record.target,
            record.container,
            record.user,
            state_of(record, now),
            age(max(left.total_seconds(), 0)) if left else UNKNOWN,
            age((now - record.started).total_seconds()) if record.started else UNKNOWN,
            *((record.image, record.holder) if is_wide else ()),
        )
        rows.append(tuple(_cell(cell) for cell in cells))
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    lines = ("   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "".join(line.rstrip() + "\n" for line in lines)


def _cell(text: str) -> str:
    """Return text as one cell, which has no spaces in it."""
    return safe(text, 120).replace(" ", "_") or NONE


def _item(record: SessionRecord, now: datetime) -> dict[str, Any]:
    return {
        "name": record.id,
        "namespace": record.namespace,
        "uid": record.uid,
        "target": record.target,
        "container": record.container,
        "image": record.image,
        "user": record.user,
        "holder": record.holder,
        "state": state_of(record, now),
        "started": _time(record.started),
        "renewed": _time(record.renewed),
        "until": _time(record.until),
        "goneBy": _time(record.gone_by),
        "hardCapSeconds": record.hard_cap_seconds,
    }


def _time(moment: datetime | None) -> str | None:
    return format_time(moment) if moment else None
