"""Delivery: brings what is due to Mem0, with the courier doing the talking."""

from mem0_syncd.courier.connection import Means
from mem0_syncd.courier.queries import Questions
from mem0_syncd.delivery.delivery import Delivery
from mem0_syncd.delivery.pool import Deliveries

__all__ = ["Deliveries", "Delivery", "Means", "Questions"]
