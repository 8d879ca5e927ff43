"""Why the Platform gave no answer, told by the kind of error."""

from __future__ import annotations

import ssl

import httpx
import pytest

from mem0_syncd.doctor.platform_ping import remedy_of


@pytest.mark.parametrize(
    ("cause", "helps"),
    [
        (ssl.SSLCertVerificationError("in whatever language"), "MEM0_SYNCD_PLATFORM__CA_BUNDLE"),
        (OSError("CERTIFICATE_VERIFY_FAILED is what it isn't"), "MEM0_SYNCD_PLATFORM__HOST"),
    ],
)
def test_a_certificate_that_is_not_trusted_is_told_by_the_kind_of_error(cause: Exception, helps: str) -> None:
    """And not by its words, which are the library's."""
    error = httpx.ConnectError("no connection")
    error.__cause__ = cause
    assert helps in remedy_of(error)
