"""`mem0-syncd verify` against a self-hosted Mem0 server."""

from __future__ import annotations

import json
from pathlib import Path

import httpx

from support.daemon import Daemon, running
from support.decision_log import decision, write_log
from support.mem0_server import Mem0Server


def test_a_server_is_verified_and_repaired_like_any_other(tmp_path: Path, project: Path) -> None:
    """Also after a revision that says less, though the server merges metadata."""
    log = [decision(number) for number in range(1, 5)]
    write_log(project, log)
    with Mem0Server(tmp_path / "server", api_key=None) as mem0:
        settings = {"MEM0_SYNCD_DESTINATION": "server", "MEM0_SYNCD_SERVER__URL": mem0.url}
        with running(Daemon(tmp_path, [project], **settings)) as daemon:
            daemon.wait_delivered(4)
            log[3] = {key: value for key, value in log[3].items() if key != "category"}
            write_log(project, log)
            daemon.scan()
            daemon.wait_delivered(4)
            assert json.loads(daemon.run("verify", "--json").stdout)["altered"] == []

            with httpx.Client(base_url=mem0.url) as person:
                listed = person.get("/memories", params={"user_id": "shop-decisions"}).json()["results"]
                gone, edited, twice, _ = sorted(listed, key=lambda it: str(it["memory"]))
                person.delete(f"/memories/{gone['id']}").raise_for_status()
                person.put(f"/memories/{edited['id']}", json={"text": "Edited"}).raise_for_status()
                message = {"role": "user", "content": twice["memory"]}
                again = {"messages": [message], "user_id": "shop-decisions", "infer": False}
                person.post("/memories", json=again | {"metadata": twice["metadata"]}).raise_for_status()
            shown = json.loads(daemon.run("verify", "--json").stdout)
            assert [len(shown[name]) for name in ("missing", "altered", "doubled", "foreign")] == [1, 1, 1, 0]
            said = daemon.run("verify", "--repair", "--overwrite")
            assert said.returncode == 0, said
            assert "repaired: 1 restored, 1 overwritten, 1 removed" in said.stdout
