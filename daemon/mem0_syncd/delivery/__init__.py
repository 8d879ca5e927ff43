"""Delivery: brings what is due to Mem0, with the courier doing the talking."""

from mem0_syncd.courier.connection import Means
from mem0_syncd.courier.queries import Questions
from mem0_syncd.delivery.deliveries import Deliveries
from mem0_syncd.delivery.rounds import Delivery

__all__ = ["Deliveries", "Delivery", "Means", "Questions"]
