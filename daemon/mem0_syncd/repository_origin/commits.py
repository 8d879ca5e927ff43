"""Commits of a repository, loose ones and packed ones; no other object is read."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import re
import zlib
from dataclasses import dataclass
from typing import BinaryIO

from dulwich.object_format import SHA1
from dulwich.pack import OFS_DELTA, REF_DELTA, PackIndex, apply_delta, load_pack_index_file, unpack_object

from mem0_syncd.system.untrusted_folder import UntrustedFolder

LARGEST = 1024 * 1024
"""Bytes of a commit, or of the base of a stored difference."""

MOST_PACKS = 400
LONGEST_CHAIN = 4096
"""Differences in a chain that stores a commit; git makes no longer ones."""

LARGEST_INDEX = 1024**3
"""Bytes of a pack's index, which is mapped."""

_OBJECTS = ".git/objects"
_MOST_BASES = 128
_PIECE = 1024
"""Bytes that are read at a time: most commits are shorter, compressed."""

_COMMIT = 1
_PARENTS = re.compile(rb"tree [0-9a-f]{40}\n(?:parent ([0-9a-f]{40})\n)?")


class UnknownHistory(Exception):
    """The first commit can't be found."""


class Commits:
    """The commits of a main work tree's repository; each is checked against its own hash."""

    def __init__(self, folder: UntrustedFolder) -> None:
        self._folder = folder
        self._packs: list[_Pack] | None = None
        self._opened = contextlib.ExitStack()

    def close(self) -> None:
        """Close what was opened of the packs."""
        self._opened.close()

    def first_parent(self, commit: bytes) -> bytes | None:
        """The first parent of a commit, None for one that has none; both are ids in hexadecimal."""
        data = self._read(commit)
        if hashlib.sha1(b"commit %d\0" % len(data) + data).hexdigest().encode() != commit:  # noqa: S324 - git's
            raise UnknownHistory("a commit isn't what its id says")
        said = _PARENTS.match(data)
        if said is None:
            raise UnknownHistory("a commit can't be understood")
        return said[1]

    def _read(self, commit: bytes) -> bytes:
        try:
            return _loose(self._folder.read(_path(commit.decode()), LARGEST))
        except FileNotFoundError:
            pass
        if self._packs is None:
            self._packs = _packs(self._folder, self._opened)
        number = bytes.fromhex(commit.decode())
        for at, pack in enumerate(self._packs):
            offset = pack.offset(number)
            if offset is not None:
                # The next one is most likely in the same pack.
                self._packs.insert(0, self._packs.pop(at))
                return pack.commit(offset)
        raise UnknownHistory("a commit isn't there")


def _loose(data: bytes) -> bytes:
    unpacking = zlib.decompressobj()
    said = unpacking.decompress(data, LARGEST)
    header, _, content = said.partition(b"\0")
    if header != b"commit %d" % len(content) or not unpacking.eof:
        raise UnknownHistory("a commit is broken, or too large")
    return content


def _path(commit: str) -> str:
    return f"{_OBJECTS}/{commit[:2]}/{commit[2:]}"


def _packs(folder: UntrustedFolder, opened: contextlib.ExitStack) -> list[_Pack]:
    names = [name for name in folder.names(f"{_OBJECTS}/pack") if name.endswith(".idx")]
    if len(names) > MOST_PACKS:
        raise UnknownHistory("there are too many packs")
    return [_Pack.open(folder, f"{_OBJECTS}/pack/{name.removesuffix('.idx')}", opened) for name in names]


@dataclass(frozen=True, slots=True)
class _Part:
    """One object of a pack as it is stored; of a difference, also where its base is."""

    kind: int
    data: bytes
    base: int | None


class _Pack:
    """One pack with its index. It is read piece by piece: a mapped one that shrinks would end the reader."""

    def __init__(self, index: PackIndex, file: BinaryIO) -> None:
        self._index = index
        self._file = file
        self._bases: dict[int, _Part] = {}

    @classmethod
    def open(cls, folder: UntrustedFolder, name: str, opened: contextlib.ExitStack) -> _Pack:
        """The pack of a name; its files are closed with `opened`."""
        index = opened.enter_context(folder.open(f"{name}.idx"))
        if os.fstat(index.fileno()).st_size > LARGEST_INDEX:
            raise UnknownHistory("there are too many objects")
        known = load_pack_index_file(name, index, SHA1)
        opened.callback(known.close)
        return cls(known, opened.enter_context(folder.open(f"{name}.pack")))

    def offset(self, number: bytes) -> int | None:
        try:
            return self._index.object_offset(number)  # type: ignore[arg-type]
        except KeyError:
            return None

    def commit(self, offset: int) -> bytes:
        """The commit that begins at an offset."""
        part, chain = self._part(offset), []
        while part.base is not None:
            chain.append(part.data)
            if len(chain) > LONGEST_CHAIN:
                raise UnknownHistory("a commit is a difference to too many others")
            part = self._part(part.base)
        if part.kind != _COMMIT:
            raise UnknownHistory("what should be a commit is something else")
        data = part.data
        for difference in reversed(chain):
            data = b"".join(apply_delta(data, difference))
            if len(data) > LARGEST:
                raise UnknownHistory("a commit is too large")
        return data

    def _part(self, offset: int) -> _Part:
        if offset not in self._bases:
            if len(self._bases) >= _MOST_BASES:
                self._bases.clear()
            self._bases[offset] = self._unpack(offset)
        return self._bases[offset]

    def _unpack(self, offset: int) -> _Part:
        if _size(os.pread(self._file.fileno(), 10, offset)) > LARGEST:
            raise UnknownHistory("a commit is too large")
        at = offset

        def read(count: int) -> bytes:
            nonlocal at
            data = os.pread(self._file.fileno(), count, at)
            at += len(data)
            return data

        unpacked, _ = unpack_object(read, SHA1.hash_func, zlib_bufsize=_PIECE)
        base: int | None = None
        if unpacked.pack_type_num == OFS_DELTA and isinstance(unpacked.delta_base, int):
            base = offset - unpacked.delta_base
        elif unpacked.pack_type_num == REF_DELTA and isinstance(unpacked.delta_base, bytes):
            base = self.offset(unpacked.delta_base)
        if (base is None or base < 0) and unpacked.pack_type_num in (OFS_DELTA, REF_DELTA):
            raise UnknownHistory("what a commit is a difference to isn't there")
        return _Part(unpacked.pack_type_num, b"".join(unpacked.decomp_chunks), base)


def _size(header: bytes) -> int:
    """The size that the header of a packed object claims, before anything is unpacked."""
    size, shift = header[0] & 0x0F, 4
    for byte, following in itertools.pairwise(header):
        if not byte & 0x80:
            break
        size |= (following & 0x7F) << shift
        shift += 7
    return size
