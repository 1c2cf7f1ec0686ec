"""Why a connection failed, in words, by the exceptions of aiohttp, which carries both Slack and the fine-tuning APIs."""

import errno
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

import aiohttp

_CHECK = "Check {address} and the network."
_OTHER_HOST = 62
"""OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH."""
_TLS_RECORD = "\\x15\\x03"
"""How the answer of a TLS server to plain HTTP begins, as aiohttp shows it: the head of an alert."""


@dataclass(frozen=True)
class Trouble:
    """What is wrong with a connection."""

    said: str
    """A sentence for people."""
    todo: str = _CHECK
    """What whoever runs the bot can do; {address} stands for the setting that holds the address."""
    lasts: bool = False
    """Whether it takes a person to mend it."""


FAILED = Trouble("The connection failed.")
_NO_TLS = Trouble(
    "No TLS is spoken at its port.", "Correct the port in {address}, or begin it with http://.", lasts=True
)
_TLS = Trouble("Its port speaks HTTPS, and was asked in plain HTTP.", "Let {address} begin with https://.", lasts=True)
_CUT = Trouble("It closed the connection without an answer.")
_BY_ERRNO = {
    errno.ECONNREFUSED: Trouble("The connection was refused: nothing listens at its port."),
    errno.ENETUNREACH: Trouble("There is no route to its network."),
    errno.EHOSTUNREACH: Trouble("There is no route to its host."),
    errno.ETIMEDOUT: Trouble("The connection could not be opened in time."),
    errno.ECONNRESET: _CUT,
    errno.EPIPE: _CUT,
}


def trouble_of(error: BaseException) -> Trouble | None:
    """Return what the exception of a request says of its connection, None where it is about something else."""
    chain = list(_chain(error))
    found = next((trouble for each in chain if (trouble := _one(each))), None)
    is_connection = any(isinstance(each, aiohttp.ClientError | TimeoutError | OSError) for each in chain)
    return found or (FAILED if is_connection else None)


def never_sent(error: BaseException) -> bool:
    """Return whether a request certainly did not reach the server: the connection could not be opened at all.

    The names of httpx's exceptions cannot be trusted here: a server that died after it took the request arrives as
    ``httpx.ConnectTimeout``. aiohttp's own exception, the cause, can.
    """
    return any(isinstance(each, aiohttp.ClientConnectorError) for each in _chain(error))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _one(error: BaseException) -> Trouble | None:
    match error:
        case aiohttp.ClientHttpProxyError():
            return _proxy_refused(error.status)
        case aiohttp.ClientConnectorCertificateError():
            return _untrusted(error.certificate_error)
        case aiohttp.ClientSSLError():
            return _no_handshake(error.os_error)
        case aiohttp.ClientConnectorDNSError():
            return _no_host(error.host, error.os_error)
        case aiohttp.ClientProxyConnectionError():
            why = _BY_ERRNO.get(error.os_error.errno or 0, FAILED).said
            return Trouble(
                f"The proxy can't be reached. {why}",
                "Check the proxy that HTTPS_PROXY, HTTP_PROXY or ALL_PROXY names.",
                lasts=True,
            )
        case aiohttp.ServerDisconnectedError():
            return _CUT
        case aiohttp.ClientResponseError() if _TLS_RECORD in error.message:
            return _TLS
        case TimeoutError():
            return Trouble("No answer came in time.")
        case OSError():
            return _BY_ERRNO.get(error.errno or 0)
    return None


def _proxy_refused(status: int) -> Trouble:
    if status == 407:  # noqa: PLR2004
        todo = "Put user name and password into HTTPS_PROXY: http://user:password@host:port."
        return Trouble("The proxy wants a user name and a password (HTTP 407).", todo, lasts=True)
    return Trouble(
        f"The proxy did not open a connection (HTTP {status}).",
        "Have the proxy allow the host of {address}, or add the host to NO_PROXY.",
        lasts=True,
    )


def _untrusted(error: Exception) -> Trouble:
    if isinstance(error, ssl.SSLCertVerificationError) and error.verify_code == _OTHER_HOST:
        return Trouble("Its certificate is for another host.", "Correct the host in {address}.", lasts=True)
    why = error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else type(error).__name__
    return Trouble(
        f"Its certificate is not trusted: {why}.",
        "If it is right, name a file with the certificate of its issuer in SSL_CERT_FILE.",
        lasts=True,
    )


def _no_handshake(error: OSError) -> Trouble:
    reason = getattr(error, "reason", None) or type(error).__name__
    if reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "UNKNOWN_PROTOCOL", "HTTP_REQUEST"):
        return _NO_TLS
    return Trouble(f"The TLS handshake failed: {reason}.", lasts=True)


def _no_host(host: str, error: OSError) -> Trouble:
    if error.errno == socket.EAI_AGAIN:
        return Trouble(f"The name {host} can't be looked up at present.", "Check the machine's DNS.")
    return Trouble(
        f"There is no host called {host}.", "Correct the host in {address}, or check the machine's DNS.", lasts=True
    )
