"""The pure rules of an item's way: nothing here reads, writes or waits."""
