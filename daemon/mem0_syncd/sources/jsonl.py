"""JSON Lines, as writers that take no lock and crash in mid-line leave them behind."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import pairwise

from mem0_syncd.sources.base import Broken, Raw, complaint

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# A file system that lost power may leave NULs where a line was to be; the next one is appended to them.
_PADDING = b"\x00\r"
_WHITE_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


def split(data: bytes) -> list[Raw]:
    """The file's entries: one a line, or a pretty-printed object over several lines.

    What is no JSON is an entry whose value is `Broken`; but where the file doesn't end with a
    newline a writer is still at work, and what is no JSON there is no entry yet.
    """
    lines = [line.strip(_PADDING).removeprefix(_BYTE_ORDER_MARK) for line in data.split(b"\n")]
    is_growing = bool(lines[-1].strip())
    # A pretty-printed object has its brace at the margin, and what is within it further in.
    starts = [index for index, line in enumerate(lines) if index == 0 or line.startswith(b"{")]
    raws = []
    for start, end in pairwise([*starts, len(lines)]):
        raws += _block(lines[start:end], start + 1, is_growing=is_growing and end == len(lines))
    return raws


def _block(lines: Sequence[bytes], first: int, *, is_growing: bool) -> list[Raw]:
    raws = [raw for number, line in enumerate(lines, first) for raw in _values(line, f"line {number}")]
    good = [raw for raw in raws if not isinstance(raw.value, Broken)]
    if len(good) == len(raws):
        return raws
    whole = _values(b"\n".join(lines), f"line {first}")
    if len(whole) == 1 and isinstance(whole[0].value, dict):
        return whole
    return good if is_growing else raws


def _values(line: bytes, place: str) -> list[Raw]:
    # Usually one, or none. Several objects on a line come of a writer that left its newline out.
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        what = f"invalid UTF-8 (byte {line[error.start]:#04x})"
        return [Raw(place, Broken(what, "save the line as UTF-8, or remove it"))]
    raws: list[Raw] = []
    at = _next(text, 0)
    while at < len(text):
        try:
            value, end = _DECODER.raw_decode(text, at)
        except json.JSONDecodeError as error:
            return [*raws, Raw(place, _not_json(f"{complaint(error)}, column {error.colno}"))]
        except (RecursionError, ValueError) as error:
            return [*raws, Raw(place, _not_json(str(error)))]
        following = _next(text, end)
        if following < len(text) and not isinstance(value, dict):
            return [*raws, Raw(place, _not_json(f"more than one value, column {following + 1}"))]
        raws.append(Raw(f"{place}, column {at + 1}" if raws else place, value))
        at = following
    return raws


def _next(text: str, at: int) -> int:
    match = _WHITE_SPACE.match(text, at)
    return match.end() if match else at


def _not_json(why: str) -> Broken:
    return Broken(f"not JSON: {why}", "mend the line, or remove it")
