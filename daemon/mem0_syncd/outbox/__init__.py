"""The outbox: the durable queue, the receipts, and all SQL."""

from mem0_syncd.outbox.database import Database
from mem0_syncd.outbox.outbox import Outbox
from mem0_syncd.outbox.queue import Claim, Verb
from mem0_syncd.outbox.row_values import DestinationRow, ProjectRow

__all__ = ["Claim", "Database", "DestinationRow", "Outbox", "ProjectRow", "Verb"]
