"""Folder events on Linux: one thread for all watched folders, where watchdog has one for each."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, cast

from watchdog.events import (
    DirAttribEvent,
    DirCreatedEvent,
    DirDeletedEvent,
    FileAttribEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileSystemEvent,
)
from watchdog.observers.api import BaseObserver, EventEmitter, EventQueue, ObservedWatch
from watchdog.observers.inotify_c import (
    CallbackId,
    InotifyConstants,
    InotifyEvent,
    InotifyFD,
    Mask,
    WatchDescriptor,
)

_COME = InotifyConstants.IN_CREATE | InotifyConstants.IN_MOVED_TO
_GONE = (
    InotifyConstants.IN_DELETE
    | InotifyConstants.IN_MOVED_FROM
    | InotifyConstants.IN_DELETE_SELF
    | InotifyConstants.IN_MOVE_SELF
)
_WRITTEN = InotifyConstants.IN_MODIFY | InotifyConstants.IN_CLOSE_WRITE
# Not for what is opened and read: we do that ourselves, after every event.
_WANTED = Mask(_COME | _GONE | _WRITTEN | InotifyConstants.IN_ATTRIB | InotifyConstants.IN_ONLYDIR)


class FolderObserver(BaseObserver):
    """watchdog's observer, with all its folders on one reading thread; no folder is watched recursively."""

    def __init__(self) -> None:
        super().__init__(cast("type[EventEmitter]", _Emitter), reader=self._take_reader)
        self._reader: InotifyFD | None = None

    def on_thread_stop(self) -> None:
        """Stop the reading thread last."""
        super().on_thread_stop()
        if self._reader is not None:
            self._reader.stop()

    def is_alive(self) -> bool:
        """Whether both the reading and the dispatching thread live."""
        return super().is_alive() and (self._reader is None or self._reader.is_alive())

    def _take_reader(self) -> InotifyFD:
        """The reading thread, started with the first folder; raises `OSError` if it can't be."""
        if self._reader is None:
            reader = InotifyFD()
            reader.start()
            self._reader = reader
        return self._reader


class _Emitter:
    """One folder, with the interface of an observer's emitter; watchdog's own threads take 4 KiB each."""

    __slots__ = ("_number", "_queue", "_reader", "_take_reader", "watch")

    def __init__(
        self, queue: EventQueue, watch: ObservedWatch, *, reader: Callable[[], InotifyFD], **_rest: Any
    ) -> None:
        self._queue = queue
        self.watch = watch
        self._take_reader = reader
        self._reader: InotifyFD | None = None
        self._number: WatchDescriptor | None = None

    def start(self) -> None:
        """Begin to receive events; raises `OSError`."""
        self._reader = self._take_reader()
        path = os.fsencode(self.watch.path)
        self._number = self._reader.add_callback(path, _WANTED, self, CallbackId(id(self)))

    def stop(self) -> None:
        """Receive no more events."""
        number, self._number = self._number, None
        if self._reader is not None and number is not None:
            self._reader.remove_callbacks([(number, CallbackId(id(self)))])

    def join(self, timeout: float | None = None) -> None:
        """Return at once: there is nothing to wait for."""

    def is_alive(self) -> bool:
        """Whether the folder is still watched."""
        return self._reader is not None and self._number is not None and self._reader.is_alive()

    def on_event(self, event: InotifyEvent) -> None:
        """Pass an event of the kernel on."""
        name = os.fsdecode(event.name)
        self._tell(_event(event, f"{self.watch.path}/{name}" if name else self.watch.path))

    def on_watch_deleted(self, wd: WatchDescriptor) -> None:  # noqa: ARG002 - watchdog's signature
        """The folder is gone, or its disk is."""
        self._number = None
        self._tell(DirDeletedEvent(self.watch.path))

    def on_queue_overflow(self) -> None:
        """Events were lost: anything may have changed."""
        self._tell(DirCreatedEvent(self.watch.path))

    def _tell(self, event: FileSystemEvent) -> None:
        self._queue.put((event, self.watch))


def _event(event: InotifyEvent, path: str) -> FileSystemEvent:
    if event.mask & _GONE:
        return DirDeletedEvent(path) if event.is_directory else FileDeletedEvent(path)
    if event.mask & _COME:
        return DirCreatedEvent(path) if event.is_directory else FileCreatedEvent(path)
    if event.mask & _WRITTEN:
        return FileModifiedEvent(path)
    return DirAttribEvent(path) if event.is_directory else FileAttribEvent(path)
