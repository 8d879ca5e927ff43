"""The courier: the child process that talks to Mem0, and the daemon's end of it.

Requests and answers are JSON lines over the child's standard input and output:

    daemon -> courier   {"destination", "config", "account"}          once, first
                        {"id", "verb", "begin_within", "major", ...}  then one a request
                        {"id": 0, "verb": "ping"}                     now and then, to see whether it is alive
    courier -> daemon   {"ready": true, "account"}                    whenever the destination was opened
                        {"id", "outcome", ...} or {"id", "hits"}      one a request, as each ends
                        {"pong": true}                                one a ping, whatever else it does
"""

from mem0_syncd.courier.supervisor import Answer, CourierSupervisor, Lost, Opened, Ticket

__all__ = ["Answer", "CourierSupervisor", "Lost", "Opened", "Ticket"]
