"""Another account behind the same name: a hold, until a person accepts it or the former one is back."""

from __future__ import annotations

from pathlib import Path

from support.daemon import Daemon, platform_settings, running, wait_until
from support.decision_log import cases, decision, write_log
from support.mem0_api import Account
from support.mem0_platform import Mem0Platform, steady_time


def switch(mem0: Mem0Platform, account: Account, name: str) -> None:
    """Have the Platform answer for another account from now on."""
    vars(mem0).update(vars(account) | {"project_id": name})


def test_another_account_gets_everything_once_it_is_accepted(tmp_path: Path, project: Path) -> None:
    """Until then nothing goes; afterwards going back sends nothing, and neither does the way there again."""
    write_log(project, [decision(1), decision(2)])
    daemon = Daemon(tmp_path, [project], **platform_settings(""))
    with Mem0Platform() as mem0:
        daemon.environment["MEM0_SYNCD_PLATFORM__HOST"] = mem0.url
        one, two = Account(steady_time), Account(steady_time)
        switch(mem0, one, "one")
        with running(daemon):
            daemon.wait_delivered(2)
            assert daemon.stop() == 0

        switch(mem0, two, "two")
        write_log(project, [decision(1), decision(2), decision(3)])
        with running(daemon):
            wait_until(lambda: daemon.status()["destination"]["state"] == "held", "the hold")
            (problem,) = daemon.status()["problems"]
            assert "another account (org-1/two, not org-1/one)" in problem["what"]
            assert "mem0-syncd sync --accept-account" in problem["remedy"]
            assert daemon.run("sync").returncode == 1
            assert mem0.memories == []

            assert daemon.run("sync", "--accept-account").returncode == 0
            assert cases(it.text for it in mem0.memories) == [1, 2, 3]
            shown = daemon.status()
            assert (shown["state"], shown["totals"]["delivered"]) == ("ok", 3)
            assert shown["destination"]["identity"].endswith("org-1/two")
            said = daemon.run("sync", "--accept-account")
            assert said.returncode == 1
            assert "the API key is of the account in use" in said.stderr
            assert daemon.stop() == 0

        sent = len(mem0.adds)
        for account, name in ((one, "one"), (two, "two")):
            switch(mem0, account, name)
            assert daemon.run("sync", "--accept-account").returncode == 0
            assert cases(it.text for it in mem0.memories) == [1, 2, 3]
        # The first account lacked the third decision.
        assert len(mem0.adds) == sent + 1
