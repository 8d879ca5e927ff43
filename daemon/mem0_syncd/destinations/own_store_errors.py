"""The outcome of an exception from a store of the user's own, by the exception's name.

Mem0 knows two dozen vector stores and a dozen embedders; none of their libraries need be installed here.
"""

from __future__ import annotations

from mem0_syncd.core.outcome import Held, Later, Refused, Unknown
from mem0_syncd.errors import causes

_CHECK = "check MEM0_SYNCD_EMBEDDED__CONFIG"

_NOT_SENT = {
    "ConnectError",  # httpx: a Qdrant server
    "ConnectTimeout",
    "PoolTimeout",  # psycopg_pool has no connection to give
    "ConnectionError",  # Ollama
    "APIConnectionError",  # OpenAI and the like, which make the vector before anything is stored
    "APITimeoutError",
    "RateLimitError",
}
_NO_TABLE = "UndefinedTable"  # psycopg: Mem0 makes its table when it looks for it again
_NOT_ALLOWED = {
    "AuthenticationError",
    "PermissionDeniedError",
    "NotFoundError",  # no such model
    "ProgrammingError",  # PostgreSQL: no rights
    "NotSupportedError",
}
_NOT_VALID = {"DataError", "BadRequestError", "UnprocessableEntityError", "ValueError", "ValidationError"}
_UNAUTHORISED = {401, 403}


def outcome_of_error(error: BaseException) -> Later | Unknown | Held | Refused:
    """The outcome that an exception from Mem0 stands for."""
    said = f"the store failed: {type(error).__name__}: {first_line(error)}"
    names = _names(error)
    statuses = {getattr(cause, "status_code", None) for cause in causes(error)}
    if lacks_table(error):
        return Later(said)
    if names & {"ImportError"}:
        return Held(said, "install the package that it names")
    if names & _NOT_ALLOWED or statuses & _UNAUTHORISED:
        return Held(said, _CHECK)
    if names & _NOT_SENT:
        return Later(said)
    if names & _NOT_VALID:
        # Vectors that don't fit aren't an item's fault.
        return Held(said, _CHECK) if "dimension" in said else Refused(said)
    return Unknown(said)


def lacks_table(error: BaseException) -> bool:
    """Whether the table that Mem0 keeps its memories in is missing."""
    return _NO_TABLE in _names(error)


def first_line(error: BaseException) -> str:
    """The first line of a library's message; further lines of some repeat their input."""
    return str(error).partition("\n")[0][:300]


def _names(error: BaseException) -> set[str]:
    return {kind.__name__ for cause in causes(error) for kind in type(cause).__mro__}
