"""The watched projects: their ids, files and consent, and what git's files say about them."""
