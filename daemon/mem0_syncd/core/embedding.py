"""The name and size of the embedded store's vectors, so that two kinds of them never meet."""

NAME = "all-minilm-l6-v2-int8-1"
"""Identity of the vectors: another model, or other windows, must be another name."""

DIMENSIONS = 384
