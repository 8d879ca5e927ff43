"""What the matrix has found so far: one file a path, one line a point, so that a run can be continued."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

from crash.board import Point, Role, Step

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build" / "crash-matrix"
IRRELEVANT = {"report.py", "results.py", "run.py", "disk.py", "outage.py", "power_loss.py"}
"""The modules here that no result depends on."""


@dataclass(frozen=True)
class Result:
    """What came of one point; `open` when Mem0 held something then that the outbox had no receipt of.

    `reached` is false where the path didn't come by there this time; then it doesn't count.
    """

    point: Point
    reached: bool = False
    call: str = ""
    target: str = ""
    open: bool = False
    lost: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()
    other: tuple[str, ...] = ()


@dataclass
class Results:
    """The results of one path, and every point that it has."""

    path: str
    points: list[Point] = field(default_factory=list)
    done: dict[Point, Result] = field(default_factory=dict)

    @property
    def kills(self) -> list[Result]:
        """The points at which somebody was killed."""
        return [it for it in self.done.values() if it.reached]

    @property
    def left(self) -> list[Point]:
        """The points that are still to come."""
        return [point for point in self.points if point not in self.done]

    @classmethod
    def load(cls, path: str) -> Results:
        """What was found of a path by the code as it is now."""
        results = cls(path)
        file = results._file
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        if lines and json.loads(lines[0])["code"] == code():
            results.points = [_point(it) for it in json.loads(lines[0])["points"]]
            for line in lines[1:]:
                result = Result(**{**json.loads(line), "point": _point(json.loads(line)["point"])})
                results.done[result.point] = result
        return results

    def begin(self, points: list[Point]) -> None:
        """Note which points there are."""
        self.points = points
        FOLDER.mkdir(parents=True, exist_ok=True)
        line = json.dumps({"code": code(), "points": [_fields(point) for point in points]})
        self._file.write_text(f"{line}\n", encoding="utf-8")

    def add(self, result: Result) -> None:
        """Note what came of a point."""
        self.done[result.point] = result
        fields = {name: value for name, value in vars(result).items() if name != "point"}
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"point": _fields(result.point), **fields}) + "\n")

    @property
    def _file(self) -> Path:
        return FOLDER / f"{self.path.replace(', ', '-').replace(' ', '-')}.jsonl"


def code() -> str:
    """What tells this code from any other: results of another one don't count."""
    digest = hashlib.sha256()
    files = [*(ROOT / "daemon").rglob("*.py"), *(ROOT / "daemon").rglob("*.sql")]
    for file in sorted([*files, *Path(__file__).parent.glob("*.*")]):
        if file.name not in IRRELEVANT:
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _fields(point: Point) -> list[int]:
    return [point.role, point.step, point.number]


def _point(fields: list[int]) -> Point:
    role, step, number = fields
    return Point(Role(role), Step(step), number)
