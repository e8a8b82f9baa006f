"""Owns what is the same for both colours of one worker: arguments before a call, CPU and GC around it, the judgement
after it. Colourless: the two drivers in ``load.drivers`` make the call between ``before`` and ``after``.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Mapping
from typing import Any

from harness.clients import Answer, Client
from harness.clock import CallTimer, now_ns
from harness.load.outcome import Verdict, judge_answer, judge_error
from harness.load.pipe import CellSpec, Used, WorkerSpec
from harness.load.structure import problem_with
from harness.record import Marks
from harness.vocabulary import Outcome


class GcMeter:
    """Time spent in garbage collection passes of this process, through ``gc.callbacks``."""

    __slots__ = ("_started_ns", "total_ns")

    def __init__(self) -> None:
        self.total_ns = 0
        self._started_ns = 0
        gc.callbacks.append(self._on_pass)

    def _on_pass(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._started_ns = now_ns()
        else:
            self.total_ns += now_ns() - self._started_ns


class Bench:
    """The bookkeeping of one worker. CPU of a call is the process's from just before the call until it returned,
    plus whatever the process burns afterwards until its next command: work that a library defers is not free.
    """

    def __init__(self, spec: WorkerSpec, subjects: Mapping[str, Client]) -> None:
        self.spec = spec
        self._clients = [subjects[cell.bridge] for cell in spec.cells]
        self.timer = CallTimer()
        self.marks: list[Marks] = []
        self.last_failure = ""
        self.last_outcome = Outcome.OK
        self._input_tokens = self._output_tokens = 0
        self._tells_use = True
        self._gc = GcMeter()
        self._sequences = [0] * len(spec.cells)
        self._pending: dict[str, Any] | None = None
        self._cpu_ns = 0
        self._gc_ns = 0
        self._cpu_idle_from_ns = 0

    def cell(self, index: int) -> CellSpec:
        """The spec of one cell."""
        return self.spec.cells[index]

    def client(self, index: int) -> Client:
        """The client as one cell calls it."""
        return self._clients[index]

    def arguments(self, index: int, call_number: int) -> dict[str, Any]:
        """The client's keyword arguments for one call."""
        cell = self.spec.cells[index]
        return self._clients[index].arguments(cell.question, cell.target, call_number)

    def settle(self) -> None:
        """A command arrived: book the CPU burnt since the last call was judged, and finish that call's marks."""
        if self._pending is not None:
            self._pending["cpu_ns"] += time.process_time_ns() - self._cpu_idle_from_ns
            self.marks.append(Marks(**self._pending))
            self._pending = None

    def before(self) -> None:
        """Last thing before the timed region."""
        self._gc_ns = self._gc.total_ns
        self._cpu_ns = time.process_time_ns()

    def after(self, index: int, call_number: int, result: Any, chunks: list[Any], error: BaseException | None) -> bool:
        """First thing after the timed region: judge the call, keep its marks unless it was a warm-up (number 0).

        Returns whether it came to what the cell expects.
        """
        cpu_ns = time.process_time_ns() - self._cpu_ns
        gc_ns = self._gc.total_ns - self._gc_ns
        cell = self.spec.cells[index]
        answer, verdict = self._judge(index, result, chunks, error)
        self.last_outcome = verdict.outcome
        is_ok = verdict.outcome == cell.truth.outcome
        self._count(answer)
        if not is_ok:
            self.last_failure = f"{verdict.outcome}: {verdict.error_type}: {error or (answer and answer.text[:80])}"
        if call_number:
            self._pending = self._marks(index, call_number, chunks, answer, verdict, cpu_ns, gc_ns)
            self._sequences[index] += 1
            self._cpu_idle_from_ns = time.process_time_ns()
        return is_ok

    def used(self) -> Used:
        """What the calls since the last asking used."""
        found = Used(self._input_tokens, self._output_tokens, self._tells_use)
        self._input_tokens, self._output_tokens, self._tells_use = 0, 0, True
        return found

    def _count(self, answer: Answer | None) -> None:
        if answer is None or answer.output_tokens is None:
            self._tells_use = False
            return
        self._input_tokens += answer.input_tokens or 0
        self._output_tokens += answer.output_tokens

    def _judge(
        self, index: int, result: Any, chunks: list[Any], error: BaseException | None
    ) -> tuple[Answer | None, Verdict]:
        if error is not None:
            return None, judge_error(error)
        cell, client = self.spec.cells[index], self._clients[index]
        try:
            answer = client.read_chunks(chunks) if cell.question.stream else client.read_whole(result)
            verdict = judge_answer(answer, cell.truth)
        except Exception as problem:  # noqa: BLE001  an answer that cannot be read is data: wrong content
            return None, Verdict(Outcome.WRONG_CONTENT, "unreadable", type(problem).__qualname__)
        return answer, verdict

    def _marks(
        self,
        index: int,
        call_number: int,
        chunks: list[Any],
        answer: Answer | None,
        verdict: Verdict,
        cpu_ns: int,
        gc_ns: int,
    ) -> dict[str, Any]:
        reported_ms = answer.reported_overhead_ms if answer else None
        return {
            "call_number": call_number,
            "cell": index,
            "sequence": self._sequences[index],
            "started_ns": self.timer.started_ns,
            "finished_ns": self.timer.finished_ns,
            "arrivals_ns": tuple(self.timer.arrivals_ns()),
            "content_chunks": tuple(i for i, chunk in enumerate(chunks) if self._clients[index].has_content(chunk)),
            "cpu_ns": cpu_ns,
            "gc_ns": gc_ns,
            "outcome": str(verdict.outcome),
            "error_type": verdict.error_type,
            "error_class": verdict.error_class,
            "error_message": None,
            "status_code": verdict.status_code,
            "response_model": answer.model if answer else None,
            "input_tokens": answer.input_tokens if answer else None,
            "output_tokens": answer.output_tokens if answer else None,
            "reasoning_tokens": answer.reasoning_tokens if answer else None,
            "cached_tokens": answer.cached_tokens if answer else None,
            "cost_usd": answer.cost_usd if answer else None,
            "reported_overhead_ns": None if reported_ms is None else int(reported_ms * 1e6),
            "is_valid_structure": structure_is_valid(answer, self.spec.cells[index].question.structure),
            "client_verdict": answer.verdict if answer else None,
        }


def structure_is_valid(answer: Answer | None, structure: Mapping[str, Any] | None) -> bool | None:
    """Our own validator's word on the raw text of a structured answer; None where no structure was asked for."""
    if answer is None or structure is None:
        return None
    return problem_with(answer.text, structure) is None
