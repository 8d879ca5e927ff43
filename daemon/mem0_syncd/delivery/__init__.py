"""Delivery: brings what is due to Mem0, through the courier."""

from mem0_syncd.courier.connection import Connection
from mem0_syncd.courier.queries import Queries
from mem0_syncd.delivery.deliveries import Deliveries
from mem0_syncd.delivery.delivery import Delivery

__all__ = ["Connection", "Deliveries", "Delivery", "Queries"]
