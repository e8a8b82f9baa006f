"""Owns the journal sorted by call: what reached the wire of one call, for whoever asks. Safe to share among threads."""

from __future__ import annotations

import threading
from collections import defaultdict

from harness.replay.journal import JournalEntry, JournalReader


class Ledger:
    """The journal's entries by call number, drained by whoever asks."""

    def __init__(self, journal: JournalReader) -> None:
        self._journal = journal
        self._lock = threading.Lock()
        self._entries: defaultdict[int, list[JournalEntry]] = defaultdict(list)

    def take(self, number: int) -> list[JournalEntry]:
        """The requests of one call, attempts in order; they are not kept."""
        with self._lock:
            for entry in self._journal.drain():
                self._entries[entry.call_number].append(entry)
            return sorted(self._entries.pop(number, []), key=lambda entry: entry.attempt)
