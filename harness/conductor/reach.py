"""Owns where an arm reaches a cell's provider: a cassette at its pace, or the tap in front of the real one, and with
which key. The one thing in which a live run differs from a recorded one as far as a worker can see. Pure.

Called by ``cells`` and ``seats``; made by ``run``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.plan import Arm, Cell
from harness.replay.launch import BackendProcess
from harness.replay.routes import ANY, base_url
from harness.replay.tapping import tap_url
from harness.vocabulary import Load

RESERVED_API_KEY = "sk-harness-no-secret"


@dataclass(frozen=True, slots=True)
class Reach:
    """The backend's port and scheme; ``keys`` by provider where it is a tap, empty where cassettes answer."""

    port: int
    scheme: str = "http"
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, backend: BackendProcess, keys: Mapping[str, str] | None = None) -> Reach:
        """How this backend is reached."""
        return cls(backend.port, backend.info.scheme, keys or {})

    @property
    def is_live(self) -> bool:
        """Whether providers answer."""
        return bool(self.keys)

    def url(self, cell: Cell, cassette_id: str, arm: Arm | None = None) -> str:
        """The root URL that stands in for the provider's own."""
        if self.is_live:
            return tap_url(self.port, cell.provider, cell.workload, scheme=self.scheme)
        pace = arm.pace if arm is not None and arm.pace and cell.load is Load.PACED else cell.pace
        return base_url(self.port, pace, ANY if cell.shared_url else cassette_id, scheme=self.scheme)

    def key(self, cell: Cell) -> str:
        """The provider's key; one that opens nothing where cassettes answer."""
        return self.keys[cell.provider] if self.is_live else RESERVED_API_KEY
