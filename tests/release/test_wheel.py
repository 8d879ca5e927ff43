"""The installed wheel, in an environment that has nothing of the source tree; run by `make test-wheel`."""

from __future__ import annotations

import re
import subprocess
import sys
from email.parser import HeaderParser
from importlib.metadata import distribution
from pathlib import Path

import mem0_syncd

ROOT = Path(__file__).parents[2]
INSTALLED = Path(mem0_syncd.__file__).parent


def test_the_package_is_the_installed_one() -> None:
    """Not the one of the source tree, or these tests would prove nothing."""
    assert INSTALLED.is_relative_to(sys.prefix)
    assert not INSTALLED.is_relative_to(ROOT / "daemon")


def test_everything_of_the_package_is_in_the_wheel() -> None:
    """Also what is no Python: migrations, the tokenizer, the typed marker."""
    source = ROOT / "daemon" / "mem0_syncd"

    def files(folder: Path) -> set[Path]:
        found = (it.relative_to(folder) for it in folder.rglob("*") if it.is_file())
        return {it for it in found if "__pycache__" not in it.parts}

    assert files(INSTALLED) >= files(source)
    assert (INSTALLED / "py.typed").exists()


def test_the_version_is_said_in_one_place() -> None:
    """The package, its metadata and the command agree."""
    command = Path(sys.executable).with_name("mem0-syncd")
    said = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    assert said.stdout.split()[-1] == mem0_syncd.__version__ == distribution("mem0-syncd").version
    spelled = f'"{mem0_syncd.__version__}"'
    saying = [it.name for it in (ROOT / "daemon").rglob("*.py") if spelled in it.read_text()]
    assert saying == ["__about__.py"]


def test_the_metadata_says_what_a_user_asks() -> None:
    """Licence with its text, the Python that is needed, and the page that PyPI shows."""
    package = distribution("mem0-syncd")
    metadata = HeaderParser().parsestr(package.read_text("METADATA") or "")
    assert metadata["License-Expression"] == "MIT"
    assert metadata["License-File"] == "LICENSE"
    assert metadata["Requires-Python"] == ">=3.11"
    assert "embedded" in metadata.get_all("Provides-Extra", [])
    assert re.match(r"\s*# mem0-syncd", str(metadata.get_payload()))
    assert any(str(it).endswith("licenses/LICENSE") for it in package.files or ())
