"""Folders that can't be a project: the home folder, mem0-syncd's own, the system's, and those above."""

from __future__ import annotations

from pathlib import Path

_SYSTEM_FOLDERS = frozenset(
    Path(name)
    for names in (
        "/bin /boot /dev /etc /home /lib /lib64 /media /mnt /opt /proc /root /run /sbin /srv /sys /tmp",
        "/usr /var /usr/bin /usr/lib /usr/local /usr/share /var/lib /var/log /var/tmp /dev/shm",
        "/Applications /Library /System /Users /Volumes /private /private/etc /private/tmp /private/var",
    )
    for name in names.split()
)
"""Folders that can't be one project's; those below them can."""


def reason_to_refuse(folder: Path, home: Path, state: Path) -> str | None:
    """Why a folder can't be a project, if so: it would hold too much that isn't a project's."""
    if folder == home:
        return "your home folder"
    if folder in home.parents:
        return "a folder above your home folder" if folder.parent != folder else "the root of all folders"
    if folder == state or folder in state.parents:
        return "where mem0-syncd keeps its own files"
    if folder in _SYSTEM_FOLDERS or folder in {above for it in _SYSTEM_FOLDERS for above in it.parents}:
        return "a folder of the system"
    return None
