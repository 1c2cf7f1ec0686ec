"""Connection errors explained: from an exception of aiohttp, our only HTTP transport, to a sentence and a fix."""

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
"""A TLS alert record, as aiohttp quotes it: a TLS server's response to plain HTTP."""


@dataclass(frozen=True)
class ConnectionProblem:
    """The reason a connection failed, and its fix."""

    message: str
    """The reason, one sentence for people."""
    todo: str = _CHECK
    """The fix, for the administrator; {address} stands for the setting with the URL."""
    is_permanent: bool = False
    """Whether retries can't help until someone fixes it."""


CONNECTION_FAILED = ConnectionProblem("The connection failed.")
_NO_TLS = ConnectionProblem(
    "The server's port doesn't use TLS.",
    "Correct the port in {address}, or change the URL to http://.",
    is_permanent=True,
)
_TLS = ConnectionProblem(
    "The server's port expects HTTPS, not plain HTTP.", "Change {address} to https://.", is_permanent=True
)
_DISCONNECTED = ConnectionProblem("The server closed the connection without responding.")
_BY_ERRNO = {
    errno.ECONNREFUSED: ConnectionProblem("The connection was refused: nothing is listening on that port."),
    errno.ENETUNREACH: ConnectionProblem("There's no route to the network."),
    errno.EHOSTUNREACH: ConnectionProblem("There's no route to the host."),
    errno.ETIMEDOUT: ConnectionProblem("The connection timed out."),
    errno.ECONNRESET: _DISCONNECTED,
    errno.EPIPE: _DISCONNECTED,
}


def connection_problem(error: BaseException) -> ConnectionProblem | None:
    """Return the connection problem behind an exception, or None if it has another cause."""
    chain = list(_chain(error))
    found = next((trouble for each in chain if (trouble := _classify(each))), None)
    is_connection = any(isinstance(each, aiohttp.ClientError | TimeoutError | OSError) for each in chain)
    return found or (CONNECTION_FAILED if is_connection else None)


def never_sent(error: BaseException) -> bool:
    """Whether a request certainly did not reach the server, because no connection was opened.

    httpx's exceptions don't tell: a server that died after it received the request raises ``httpx.ConnectTimeout``.
    Their cause, aiohttp's exception, does.
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
                "Check the proxy set in HTTPS_PROXY, HTTP_PROXY, or ALL_PROXY.",
                is_permanent=True,
            )
        case aiohttp.ServerDisconnectedError():
            return _DISCONNECTED
        case aiohttp.ClientResponseError() if _TLS_RECORD in error.message:
            return _TLS
        case TimeoutError():
            return ConnectionProblem("The server didn't respond in time.")
        case OSError():
            return _BY_ERRNO.get(error.errno or 0)
    return None


def _proxy_refused(status: int) -> ConnectionProblem:
    if status == 407:  # noqa: PLR2004
        todo = "Set the username and password in HTTPS_PROXY: http://user:password@host:port."
        return ConnectionProblem("The proxy requires a username and password (HTTP 407).", todo, is_permanent=True)
    return ConnectionProblem(
        f"The proxy didn't open a connection (HTTP {status}).",
        "Allow the host in {address} on the proxy, or add it to NO_PROXY.",
        is_permanent=True,
    )


def _untrusted(error: Exception) -> ConnectionProblem:
    if isinstance(error, ssl.SSLCertVerificationError) and error.verify_code == _HOSTNAME_MISMATCH:
        return ConnectionProblem(
            "The server's certificate is for another host.", "Correct the host in {address}.", is_permanent=True
        )
    why = error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else type(error).__name__
    return ConnectionProblem(
        f"The server's certificate isn't trusted: {why}.",
        "If you trust the server, set SSL_CERT_FILE to its CA certificate file.",
        is_permanent=True,
    )


def _no_handshake(error: OSError) -> ConnectionProblem:
    reason = getattr(error, "reason", None) or type(error).__name__
    if reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "UNKNOWN_PROTOCOL", "HTTP_REQUEST"):
        return _NO_TLS
    return ConnectionProblem(f"The TLS handshake failed: {reason}.", is_permanent=True)


def _no_host(host: str, error: OSError) -> ConnectionProblem:
    if error.errno == socket.EAI_AGAIN:
        return ConnectionProblem(f"The name {host} can't be resolved right now.", "Check the machine's DNS.")
    return ConnectionProblem(
        f"There's no host named {host}.",
        "Correct the host in {address}, or check the machine's DNS.",
        is_permanent=True,
    )
