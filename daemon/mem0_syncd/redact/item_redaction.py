"""Redacts items before they leave."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Literal

from mem0_syncd.core.item import LONGEST_TEXT, Item, Scalar

Redaction = Literal["redact", "hold", "off"]

MARK = "[redacted: "
"""How the replacement of a credential begins."""

MOST_CLEAN = 1000
"""Metadata values without secrets that are remembered, because a log repeats its categories."""


@dataclass(frozen=True, slots=True)
class Redacted:
    """An item's text, metadata and agent as they are sent, and the kinds of what was found in them."""

    item: Item
    kinds: tuple[str, ...] = ()


class Redactor:
    """Redacts items, by the settings; for one thread at a time. What is in `allow` isn't a secret."""

    def __init__(self, redaction: Redaction, allow: Collection[str] = ()) -> None:
        self.redaction = redaction
        self._allow: dict[str, Collection[str]] = {"allow": allow} if allow else {}
        self._clean: set[Scalar] = set()

    @property
    def version(self) -> str:
        """The version of the detector and its settings: with an equal one the same is found; '' for none."""
        if self.redaction == "off":
            return ""
        from mem0_syncd.redact import detector_version

        return detector_version(**self._allow)

    def redact(self, item: Item) -> Redacted:
        """An item as it is sent; without a secret it is the same item."""
        if self.redaction == "off":
            return Redacted(item.to_be_sent_as(None))
        from mem0_syncd.redact import redact

        # A text that is too long to be sent isn't scanned: that could take very long, too.
        is_short = len(item.text) <= LONGEST_TEXT
        text, kinds = redact(item.text, **self._allow) if is_short else (item.text, [])
        metadata = {}
        for name, value in item.metadata.items():
            metadata[name], found = self.redact_value(value)
            kinds += found
        agent_id = item.agent_id
        if agent_id:
            agent_id, found = redact(agent_id, **self._allow)
            kinds += found
        if not kinds:
            return Redacted(item.to_be_sent_as(None))
        as_sent = replace(item, text=text, metadata=metadata, agent_id=agent_id, sent_as=None)
        return Redacted(as_sent, tuple(kinds))

    def secrets_among(self, texts: Iterable[str]) -> dict[str, str]:
        """Those of some texts that hold what looks like a credential, with its kind."""
        unique = list(dict.fromkeys(texts))
        if self.redaction == "off" or not unique:
            return {}
        from mem0_syncd.redact import find

        # Ids are short, there are many of them, and hardly any holds one.
        if not find("\n".join(unique), **self._allow):
            return {}
        return {text: found[0].kind for text in unique if (found := find(text, **self._allow))}

    def safe(self, source_id: str | None) -> str | None:
        """An id; None if it holds what looks like a credential."""
        return None if source_id and self.secrets_among([source_id]) else source_id

    def redact_value(self, value: Scalar) -> tuple[Scalar, list[str]]:
        """A metadata value without its secrets, and their kinds."""
        if self.redaction == "off" or not isinstance(value, str) or value in self._clean:
            return value, []
        from mem0_syncd.redact import redact

        clean, found = redact(value, **self._allow)
        if not found and len(self._clean) < MOST_CLEAN:
            self._clean.add(value)
        return clean, found
