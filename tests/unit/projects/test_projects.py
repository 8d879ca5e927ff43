"""Projects: their ids, and which folders are watched."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mem0_syncd.config.settings import ListedProject
from mem0_syncd.core.consent import Asked
from mem0_syncd.core.item import Kind
from mem0_syncd.errors import Problem, SyncdError
from mem0_syncd.outbox import Outbox, ProjectRow
from mem0_syncd.projects import projects
from mem0_syncd.projects.listed_projects import take_in_settings


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    """The outbox of a new outbox."""
    state = tmp_path / "state"
    state.mkdir()
    outbox = Outbox.open(state)
    yield outbox
    outbox.close()


def make(folder: Path) -> Path:
    """A folder."""
    folder.mkdir(parents=True)
    return folder


def take_in(outbox: Outbox, *folders: Path) -> list[Problem]:
    """Have the settings list some folders."""
    return take_in_settings(outbox, [ListedProject(path=folder) for folder in folders])


@pytest.mark.parametrize(
    ("name", "id_"),
    [
        ("shop", "shop"),
        ("Shop", "shop"),
        ("My Shop", "my-shop"),
        ("my_shop.v2", "my-shop-v2"),
        ("  a   b  ", "a-b"),
        ("a--b", "a--b"),
        ("-a-", "a"),
        ("Bücher", "bu-cher"),
        ("Cafe\u0301", "cafe"),
        ("ﬁle", "file"),
        ("\uff33\uff48\uff4f\uff50", "shop"),
        ("x²", "x2"),
        ("日本語", "default-project"),
        ("...", "default-project"),
        ("", "default-project"),
        ("a/b", "a-b"),
    ],
)
def test_an_id_is_the_names_letters_digits_and_hyphens(name: str, id_: str) -> None:
    """NFKD, lower case, every other run one hyphen, trimmed."""
    assert projects.project_id(name) == id_


def test_a_project_is_known_by_its_folders_name(outbox: Outbox, tmp_path: Path) -> None:
    """And is watched from then on."""
    folder = make(tmp_path / "My Shop")
    assert projects.add(outbox, folder) == ProjectRow("my-shop", folder, "command")
    assert outbox.projects.all() == [ProjectRow("my-shop", folder, "command")]


def test_a_project_may_be_given_an_id(outbox: Outbox, project: Path) -> None:
    """It is made one."""
    assert projects.add(outbox, project, "The Till").id == "the-till"


def test_what_was_shown_is_agreed_to_and_not_what_came_after_it(outbox: Outbox, project: Path) -> None:
    """A file may change between the two."""
    make(project / ".claude")
    (project / ".claude" / "mem0-syncd.toml").write_text('destination = "platform"')
    projects.add(outbox, project, asked=Asked(kinds=frozenset({Kind.DECISION})))
    consent = outbox.consents.at(project)
    assert consent is not None
    assert consent.terms.destination is None
    assert consent.terms.kinds == {Kind.DECISION}


def test_a_project_may_give_itself_an_id(outbox: Outbox, project: Path) -> None:
    """In its own file; what the command says is stronger."""
    make(project / ".claude")
    (project / ".claude" / "mem0-syncd.toml").write_text('id = "The Till"')
    assert projects.add(outbox, project).id == "the-till"
    outbox.projects.remove("the-till")
    assert projects.add(outbox, project, "other").id == "other"


def test_a_file_that_is_refused_says_what_helps(outbox: Outbox, project: Path, tmp_path: Path) -> None:
    """A link out of the project can be allowed by its user, which the remedy names."""
    make(project / ".claude")
    (tmp_path / "own.toml").write_text('kinds = ["decision"]')
    (project / ".claude" / "mem0-syncd.toml").symlink_to(tmp_path / "own.toml")
    with pytest.raises(SyncdError) as refused:
        projects.add(outbox, project)
    assert "MEM0_SYNCD_TRUSTED_FOLDERS" in refused.value.problem.remedy


def test_an_id_is_fixed_when_it_is_first_seen(outbox: Outbox, project: Path) -> None:
    """Adding it again changes nothing, whatever its file says by now."""
    projects.add(outbox, project, "till")
    make(project / ".claude")
    (project / ".claude" / "mem0-syncd.toml").write_text('id = "another"')
    assert projects.add(outbox, project).id == "till"


TOKEN = "ghp_0123456789abcdefABCDEF0123456789abcd"  # invented


@pytest.mark.parametrize("name", [TOKEN, f"sk-proj-{'abcDEF0123456789' * 3}"])
def test_an_id_that_looks_like_a_credential_is_refused(
    outbox: Outbox, project: Path, tmp_path: Path, name: str
) -> None:
    """It would be in each user id, status and log; whoever gives one of their own is served."""
    folder = make(tmp_path / name)
    refused = []
    for path, id_ in ((folder, None), (project, name)):
        with pytest.raises(SyncdError, match="looks like a credential") as error:
            projects.add(outbox, path, id_)
        refused.append(str(error.value.problem))
    (project / ".claude").mkdir(exist_ok=True)
    (project / ".claude/mem0-syncd.toml").write_text(f'id = "{name}"\n')
    with pytest.raises(SyncdError, match="looks like a credential") as error:
        projects.add(outbox, project)
    refused.append(str(error.value.problem))
    assert not any(name[4:] in it or projects.project_id(name)[4:] in it for it in refused)
    assert "--id NAME" in refused[0]
    assert outbox.projects.all() == []
    assert projects.add(outbox, folder, "shop").id == "shop"


def test_a_listed_folder_whose_name_looks_like_a_credential_costs_no_neighbour(
    outbox: Outbox, project: Path, tmp_path: Path
) -> None:
    """It is a problem of the list, which doesn't say the name."""
    (problem,) = take_in(outbox, project, make(tmp_path / TOKEN))
    assert TOKEN[4:] not in str(problem)
    assert [it.path for it in outbox.projects.all()] == [project]


def test_a_link_and_its_target_are_one_project(outbox: Outbox, project: Path, tmp_path: Path) -> None:
    """The folder counts."""
    (tmp_path / "link").symlink_to(project)
    assert projects.add(outbox, tmp_path / "link") == projects.add(outbox, project)
    assert projects.add(outbox, project / ".." / "shop").path == project


def test_an_id_that_is_taken_is_refused(outbox: Outbox, project: Path, tmp_path: Path) -> None:
    """With a way out that works."""
    projects.add(outbox, project)
    other = make(tmp_path / "other" / "shop")
    with pytest.raises(SyncdError, match="already that of") as caught:
        projects.add(outbox, other)
    assert "--id" in caught.value.problem.remedy
    assert str(project) in caught.value.problem.what
    assert projects.add(outbox, other, "shop-2").path == other
    assert {it.id for it in outbox.projects.all()} == {"shop", "shop-2"}


def test_a_folder_that_was_moved_keeps_its_id(outbox: Outbox, project: Path, tmp_path: Path) -> None:
    """Where it was there is nothing any more; another id would send everything again."""
    projects.add(outbox, project)
    moved = project.rename(make(tmp_path / "elsewhere") / "shop")
    assert projects.add(outbox, moved) == ProjectRow("shop", moved)


@pytest.mark.parametrize("name", ["nowhere", "file"])
def test_what_is_no_folder_is_no_project(outbox: Outbox, tmp_path: Path, name: str) -> None:
    """It is said so."""
    (tmp_path / "file").touch()
    with pytest.raises(SyncdError, match="no such folder"):
        projects.add(outbox, tmp_path / name)
    assert outbox.projects.all() == []


# The list of the settings ----------------------------------------------------------------------------------


def test_the_settings_list_is_watched(outbox: Outbox, tmp_path: Path) -> None:
    """Besides what was added by command."""
    one, two = make(tmp_path / "one"), make(tmp_path / "two")
    projects.add(outbox, one)
    assert take_in(outbox, two) == []
    assert {(it.id, it.origin) for it in outbox.projects.all()} == {("one", "command"), ("two", "settings")}


def test_what_leaves_the_settings_list_is_watched_no_more(outbox: Outbox, tmp_path: Path) -> None:
    """What was added by command stays, in the list or not."""
    one, two = make(tmp_path / "one"), make(tmp_path / "two")
    projects.add(outbox, one)
    take_in(outbox, one, two)
    take_in(outbox)
    assert [it.id for it in outbox.projects.all()] == ["one"]


def test_what_was_listed_and_then_added_by_command_stays(outbox: Outbox, project: Path) -> None:
    """Somebody asked for it."""
    take_in(outbox, project)
    projects.add(outbox, project)
    take_in(outbox)
    assert [it.id for it in outbox.projects.all()] == ["shop"]


def test_two_listed_projects_with_one_id_are_reported(outbox: Outbox, project: Path, tmp_path: Path) -> None:
    """The later one is held; the report goes when its cause does."""
    other = make(tmp_path / "other" / "shop")
    (problem,) = take_in(outbox, project, other)
    assert str(other) in problem.where
    assert [it.path for it in outbox.projects.all()] == [project]
    assert outbox.problems.all() == [("", problem)]
    assert take_in(outbox, project) == []
    assert outbox.problems.all() == []


def test_a_listed_folder_that_is_not_there_costs_no_neighbour(
    outbox: Outbox, project: Path, tmp_path: Path
) -> None:
    """It is reported."""
    (problem,) = take_in(outbox, tmp_path / "nowhere", project)
    assert "no such folder" in problem.what
    assert [it.path for it in outbox.projects.all()] == [project]


# Finding ---------------------------------------------------------------------------------------------------


def test_the_innermost_project_is_found(outbox: Outbox, project: Path) -> None:
    """From any folder in it, that is there or not."""
    inner = make(project / "packages" / "till")
    projects.add(outbox, project)
    projects.add(outbox, inner)
    assert projects.find(outbox, inner / "src" / "deep").id == "till"
    assert projects.find(outbox, project / "packages").id == "shop"
    assert projects.find(outbox, project).id == "shop"


def test_a_name_that_only_begins_alike_is_not_inside(outbox: Outbox, project: Path, tmp_path: Path) -> None:
    """`shop-2` is not in `shop`."""
    projects.add(outbox, project)
    with pytest.raises(SyncdError, match="no watched project") as caught:
        projects.find(outbox, make(tmp_path / "shop-2"))
    assert "project add" in caught.value.problem.remedy


def test_a_known_folder_gets_no_other_id(outbox: Outbox, project: Path) -> None:
    """Everything would be sent again under it; the same id is well."""
    projects.add(outbox, project)
    with pytest.raises(SyncdError, match="everything would be sent again"):
        projects.add(outbox, project, "till")
    assert projects.add(outbox, project, "Shop").id == "shop"


# Linked git worktrees ---------------------------------------------------------------------------------------


@pytest.fixture
def worktree(project: Path, tmp_path: Path) -> Path:
    """A linked worktree, called `hotfix`, of the project."""
    folder = tmp_path / "hotfix"
    for command in (
        ["init", "-q"],
        ["-c", "user.name=me", "-c", "user.email=me@example.org", "commit", "-q", "--allow-empty", "-m", "x"],
        ["worktree", "add", "-q", str(folder)],
    ):
        subprocess.run(["git", "-C", str(project), *command], check=True)
    return folder


def test_a_worktree_has_its_main_trees_id(outbox: Outbox, project: Path, worktree: Path) -> None:
    """Both are watched, in whatever order they are added, and neither takes the id from the other."""
    assert projects.add(outbox, worktree) == ProjectRow("shop", worktree, is_worktree=True)
    assert projects.add(outbox, project) == ProjectRow("shop", project)
    assert [it.path for it in outbox.projects.all()] == [project, worktree]


def test_a_worktree_has_the_id_that_its_main_tree_was_given(
    outbox: Outbox, project: Path, worktree: Path
) -> None:
    """Whatever the folders are called."""
    projects.add(outbox, project, "till")
    assert projects.add(outbox, worktree).id == "till"


def test_a_worktrees_id_is_not_free_for_a_stranger(outbox: Outbox, worktree: Path, tmp_path: Path) -> None:
    """Not even while only the worktree is watched."""
    projects.add(outbox, worktree)
    with pytest.raises(SyncdError, match="already that of"):
        projects.add(outbox, make(tmp_path / "other" / "shop"))


def test_a_worktree_that_is_removed_leaves_its_main_tree(
    outbox: Outbox, project: Path, worktree: Path
) -> None:
    """From the list of the settings, too."""
    projects.add(outbox, project)
    take_in(outbox, worktree)
    take_in(outbox)
    assert [it.path for it in outbox.projects.all()] == [project]


def test_a_submodule_is_no_worktree(outbox: Outbox, tmp_path: Path) -> None:
    """Its `.git` is a file as well, and names a folder without a `commondir`."""
    module = make(tmp_path / "module")
    make(tmp_path / "git")
    (module / ".git").write_text(f"gitdir: {tmp_path / 'git'}\n")
    assert projects.add(outbox, module) == ProjectRow("module", module)


def test_a_home_folder_is_refused_and_one_that_is_listed_is_reported(
    outbox: Outbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The problem says which folder, why, and what to name instead."""
    home, shop = make(tmp_path / "ann"), make(tmp_path / "ann" / "shop")
    monkeypatch.setenv("HOME", str(home))
    with pytest.raises(SyncdError, match="your home folder"):
        projects.add(outbox, Path("~"))
    problems = take_in(outbox, home, shop, tmp_path)
    assert [it.where for it in problems] == [str(home), str(tmp_path)]
    assert all(it.remedy for it in problems)
    assert [it.path for it in outbox.projects.all()] == [shop]
