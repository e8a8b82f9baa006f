"""Owns the price list (``benchmarks/prices.toml``) and the cost of an answer by it: tokens × list price.

Called by ``conductor`` (which keeps the prices in force in the manifest) and by ``analysis`` (which audits with them).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from harness.door import Strict, parse_toml, read_text, validate


class Price(Strict):
    """USD per million tokens of one model. Reasoning tokens are output; cached ones are part of the input."""

    provider: str
    model: str
    input_usd: float = Field(ge=0)
    cached_input_usd: float = Field(ge=0)
    output_usd: float = Field(ge=0)


class PriceList(Strict):
    """``prices.toml``."""

    prices: tuple[Price, ...] = Field(min_length=1, strict=False)

    def find(self, provider: str, model: str) -> Price | None:
        """The price of a model, None where the list has none."""
        return next((price for price in self.prices if (price.provider, price.model) == (provider, model)), None)


@dataclass(frozen=True, slots=True)
class Tokens:
    """What an answer is billed for. ``input`` includes ``cached``, ``output`` includes reasoning."""

    input: int
    cached: int
    output: int


def load_prices(path: Path) -> PriceList:
    """Read the price list. Raises UsageError."""
    return validate(PriceList, parse_toml(read_text(path, "price list"), path), str(path))


def cost_usd(tokens: Tokens, price: Price) -> float:
    """Tokens × list price, in USD."""
    fresh = tokens.input - tokens.cached
    billed = fresh * price.input_usd + tokens.cached * price.cached_input_usd + tokens.output * price.output_usd
    return billed / 1e6
