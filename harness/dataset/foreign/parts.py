"""Owns how rows that passed become columns of ``calls``: what the query gave, what is the same for all, what is
unknown.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from harness.dataset.schema import CALLS, TIME, WORD
from harness.vocabulary import Backend, Load, Operation, Origin

ARM = "imported"
WORKLOAD = "imported"


@dataclass(frozen=True, slots=True)
class Part:
    """What the rows of one part have in common."""

    run_id: str
    block: int

    @property
    def constants(self) -> dict[str, object]:
        """Column → its one value. What production calls do not tell of is null."""
        return {
            "run_id": self.run_id,
            "block": self.block,
            "arm": ARM,
            "backend": str(Backend.PRODUCTION),
            "origin": str(Origin.IMPORTED),
            "workload": WORKLOAD,
            "load": str(Load.OPEN),
            "operation_name": str(Operation.CHAT),
        }

    def table(self, rows: pa.Table) -> pa.Table:
        """The part's rows with every column of ``calls``, in the order of its schema."""
        constants = self.constants
        arrays = []
        for field in CALLS.schema:
            if field.name == "sequence":
                arrays.append(pa.array(np.arange(rows.num_rows, dtype=np.int32)))
            elif field.name == "call_id":
                arrays.append(rows["call_id"].cast(pa.string()))
            elif field.name in rows.column_names:
                arrays.append(_as(rows[field.name], field.type))
            else:
                arrays.append(_repeated(constants.get(field.name), rows.num_rows, field.type))
        return pa.Table.from_arrays(arrays, schema=CALLS.schema)


def compact(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The same rows with repeating strings kept once, so that many batches may wait for their part."""
    arrays = [
        column.dictionary_encode() if pa.types.is_string(column.type) and name != "reason" else column
        for name, column in zip(batch.schema.names, batch.columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, names=batch.schema.names)


def _as(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    if kind == TIME:
        return column.cast(TIME)
    return column if column.type == kind else column.cast(kind)


def _repeated(value: object, count: int, kind: pa.DataType) -> pa.Array:
    if value is None:
        return pa.nulls(count, kind)
    if kind == WORD:
        return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, dtype=np.int32)), [value])
    return pa.repeat(pa.scalar(value, kind), count)
