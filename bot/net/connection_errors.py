"""Why a connection failed, in words, by the exceptions of aiohttp, which carries both Slack and the fine-tuning APIs."""

import errno
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

import aiohttp

_CHECK = "Check {address} and the network."
_HOSTNAME_MISMATCH = 62
"""OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH."""
_TLS_RECORD = "\\x15\\x03"
"""How the answer of a TLS server to plain HTTP begins, as aiohttp shows it: the head of an alert."""


@dataclass(frozen=True)
class ConnectionProblem:
    """What is wrong with a connection."""

    message: str
    """A sentence for people."""
    todo: str = _CHECK
    """What whoever runs the bot can do; {address} stands for the setting that holds the address."""
    is_permanent: bool = False
    """Whether it takes a person to mend it."""


CONNECTION_FAILED = ConnectionProblem("The connection failed.")
_NO_TLS = ConnectionProblem(
    "No TLS is spoken at its port.", "Correct the port in {address}, or begin it with http://.", is_permanent=True
)
_TLS = ConnectionProblem(
    "Its port speaks HTTPS, and was asked in plain HTTP.", "Let {address} begin with https://.", is_permanent=True
)
_DISCONNECTED = ConnectionProblem("It closed the connection without an answer.")
_BY_ERRNO = {
    errno.ECONNREFUSED: ConnectionProblem("The connection was refused: nothing listens at its port."),
    errno.ENETUNREACH: ConnectionProblem("There is no route to its network."),
    errno.EHOSTUNREACH: ConnectionProblem("There is no route to its host."),
    errno.ETIMEDOUT: ConnectionProblem("The connection could not be opened in time."),
    errno.ECONNRESET: _DISCONNECTED,
    errno.EPIPE: _DISCONNECTED,
}


def connection_problem(error: BaseException) -> ConnectionProblem | None:
    """Return what the exception of a request says of its connection, None where it is about something else."""
    chain = list(_chain(error))
    found = next((trouble for each in chain if (trouble := _classify(each))), None)
    is_connection = any(isinstance(each, aiohttp.ClientError | TimeoutError | OSError) for each in chain)
    return found or (CONNECTION_FAILED if is_connection else None)


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


def _classify(error: BaseException) -> ConnectionProblem | None:
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
            why = _BY_ERRNO.get(error.os_error.errno or 0, CONNECTION_FAILED).message
            return ConnectionProblem(
                f"The proxy can't be reached. {why}",
                "Check the proxy that HTTPS_PROXY, HTTP_PROXY or ALL_PROXY names.",
                is_permanent=True,
            )
        case aiohttp.ServerDisconnectedError():
            return _DISCONNECTED
        case aiohttp.ClientResponseError() if _TLS_RECORD in error.message:
            return _TLS
        case TimeoutError():
            return ConnectionProblem("No answer came in time.")
        case OSError():
            return _BY_ERRNO.get(error.errno or 0)
    return None


def _proxy_refused(status: int) -> ConnectionProblem:
    if status == 407:  # noqa: PLR2004
        todo = "Put user name and password into HTTPS_PROXY: http://user:password@host:port."
        return ConnectionProblem("The proxy wants a user name and a password (HTTP 407).", todo, is_permanent=True)
    return ConnectionProblem(
        f"The proxy did not open a connection (HTTP {status}).",
        "Have the proxy allow the host of {address}, or add the host to NO_PROXY.",
        is_permanent=True,
    )


def _untrusted(error: Exception) -> ConnectionProblem:
    if isinstance(error, ssl.SSLCertVerificationError) and error.verify_code == _HOSTNAME_MISMATCH:
        return ConnectionProblem(
            "Its certificate is for another host.", "Correct the host in {address}.", is_permanent=True
        )
    why = error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else type(error).__name__
    return ConnectionProblem(
        f"Its certificate is not trusted: {why}.",
        "If it is right, name a file with the certificate of its issuer in SSL_CERT_FILE.",
        is_permanent=True,
    )


def _no_handshake(error: OSError) -> ConnectionProblem:
    reason = getattr(error, "reason", None) or type(error).__name__
    if reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "UNKNOWN_PROTOCOL", "HTTP_REQUEST"):
        return _NO_TLS
    return ConnectionProblem(f"The TLS handshake failed: {reason}.", is_permanent=True)


def _no_host(host: str, error: OSError) -> ConnectionProblem:
    if error.errno == socket.EAI_AGAIN:
        return ConnectionProblem(f"The name {host} can't be looked up at present.", "Check the machine's DNS.")
    return ConnectionProblem(
        f"There is no host called {host}.",
        "Correct the host in {address}, or check the machine's DNS.",
        is_permanent=True,
    )
