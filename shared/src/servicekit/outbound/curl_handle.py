"""A handle of libcurl, with what is the same for all of its exchanges."""

import os
import select
from contextlib import suppress

import certifi
import pycurl

KEPT_SECONDS = 5
"""An idle connection isn't used after that: receivers close theirs, and a request must not meet the end."""

_OPTIONS = [
    (pycurl.NOSIGNAL, 1),
    # CURLOPT_QUICK_EXIT, for which pycurl has no name: a look-up of a name that hangs is left behind.
    (322, 1),
    # A host that has moved is found at once.
    (pycurl.DNS_CACHE_TIMEOUT, 0),
    (pycurl.MAXCONNECTS, 1),
    (pycurl.MAXAGE_CONN, KEPT_SECONDS),
    (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1),
    (pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS),
    (pycurl.FOLLOWLOCATION, 0),
    # Otherwise the environment's proxies are used.
    (pycurl.PROXY, ""),
    (pycurl.NOPROXY, "*"),
    (pycurl.PATH_AS_IS, 1),
    (pycurl.USERAGENT, ""),
    (pycurl.SSLVERSION, pycurl.SSLVERSION_TLSv1_2),
    (pycurl.SSL_VERIFYPEER, 1),
    (pycurl.SSL_VERIFYHOST, 2),
    (pycurl.CAPATH, None),
]


class CurlHandle:
    """Does one exchange with ``origin`` at a time, and keeps its connection for the next."""

    def __init__(self, origin: bytes) -> None:
        self.origin = origin
        self.curl = pycurl.Curl()
        self._sockets = select.poll()
        for option, value in _OPTIONS:
            self.curl.setopt(option, value)
        self.curl.setopt(pycurl.CAINFO, certifi.where())
        self.curl.setopt(pycurl.SOCKOPTFUNCTION, self._watch)
        self.curl.setopt(pycurl.CLOSESOCKETFUNCTION, self._close_socket)

    def prepare(self) -> None:
        """Before each exchange.

        libcurl looks only once a second whether the receiver has closed the connection, or has sent what no
        request asked for, which would be taken for the next reply.
        """
        self.curl.setopt(pycurl.FRESH_CONNECT, bool(self._sockets.poll(0)))

    def close(self) -> None:
        self.curl.close()

    def _watch(self, socket: int, _purpose: int) -> int:
        self._sockets.register(socket, select.POLLIN)
        return int(pycurl.SOCKOPT_OK)

    def _close_socket(self, socket: int) -> int:
        # libcurl may close one that it never showed to _watch.
        with suppress(KeyError):
            self._sockets.unregister(socket)
        os.close(socket)
        return 0
