"""One request, carried by a handle of libcurl."""

from collections.abc import Callable

import httpx
import pycurl

from servicekit.outbound.arriving_reply import ArrivingReply
from servicekit.outbound.curl_handle import CurlHandle

# libcurl adds these by itself, if the request doesn't say anything else.
_NOT_ADDED = {b"accept": b"Accept:", b"content-type": b"Content-Type:", b"expect": b"Expect:"}
_ERRORS_AFTER_SENDING: dict[int, type[httpx.TransportError]] = {
    pycurl.E_OPERATION_TIMEDOUT: httpx.ReadTimeout,
    pycurl.E_SEND_ERROR: httpx.WriteError,
    pycurl.E_RECV_ERROR: httpx.ReadError,
}
_NO_REPLY = "the connection was closed without a reply"


class CurlExchange:
    """Sends ``request`` once at most, and leaves what arrives in ``reply``.

    ``before_sending`` is called once it is connected; if that raises, nothing is sent.
    """

    def __init__(
        self, request: httpx.Request, before_sending: Callable[[], object] | None, reply: ArrivingReply
    ) -> None:
        self._request = request
        self._headers = _header_lines(request)
        self._before_sending = before_sending
        self._reply = reply
        self._may_be_sent = False
        self._refusal: BaseException | None = None

    def perform(self, handle: CurlHandle, seconds: float, connect_seconds: float) -> None:
        """Raises what ``before_sending`` raises, and httpx's TransportError unless all of the reply arrived.

        That is ConnectError or ConnectTimeout if surely nothing was sent, and neither of them otherwise.
        """
        curl = handle.curl
        handle.prepare()
        # The origin is without a user and password, which libcurl would send.
        curl.setopt(pycurl.URL, handle.origin + self._request.url.raw_path)
        self._set_request(curl)
        curl.setopt(pycurl.TIMEOUT_MS, _milliseconds(seconds))
        curl.setopt(pycurl.CONNECTTIMEOUT_MS, _milliseconds(min(seconds, connect_seconds)))
        curl.setopt(pycurl.PREREQFUNCTION, self._may_send)
        curl.setopt(pycurl.HEADERFUNCTION, self._reply.take_header)
        curl.setopt(pycurl.WRITEFUNCTION, self._reply.take_body)
        try:
            curl.perform()
        except pycurl.error as error:
            if self._refusal is not None:
                raise self._refusal from None
            raise self._failure(curl, *error.args) from error
        if not self._reply.has_head:
            raise httpx.RemoteProtocolError(_NO_REPLY)

    def _set_request(self, curl: pycurl.Curl) -> None:
        method, content = self._request.method, self._request.read()
        # Whatever the request before it was.
        curl.setopt(pycurl.HTTPGET, 1)
        if method == "HEAD":
            curl.setopt(pycurl.NOBODY, 1)
        elif content or "Content-Length" in self._request.headers:
            curl.setopt(pycurl.POSTFIELDS, content)
        curl.setopt(pycurl.CUSTOMREQUEST, method)
        curl.setopt(pycurl.HTTPHEADER, self._headers)

    def _may_send(self, *_addresses: object) -> int:
        """libcurl asks before it sends, each time."""
        if self._may_be_sent:
            # A kept connection ended without a reply, and libcurl would send it again by another one.
            self._refusal = httpx.RemoteProtocolError(_NO_REPLY)
            return int(pycurl.PREREQFUNC_ABORT)
        try:
            if self._before_sending is not None:
                self._before_sending()
        except BaseException as error:  # noqa: BLE001 - perform() raises it
            self._refusal = error
            return int(pycurl.PREREQFUNC_ABORT)
        self._may_be_sent = True
        return int(pycurl.PREREQFUNC_OK)

    def _failure(self, curl: pycurl.Curl, code: int, message: str) -> httpx.TransportError:
        if not self._may_be_sent:
            if code != pycurl.E_OPERATION_TIMEDOUT:
                return httpx.ConnectError(message)
            if not curl.getinfo(pycurl.NAMELOOKUP_TIME):
                message = f"the name {self._request.url.host} was not resolved in time"
            return httpx.ConnectTimeout(message)
        if code == pycurl.E_GOT_NOTHING:
            message = _NO_REPLY
        return _ERRORS_AFTER_SENDING.get(code, httpx.RemoteProtocolError)(self._reply.refusal or message)


def _header_lines(request: httpx.Request) -> list[bytes]:
    lines, not_added = [], dict(_NOT_ADDED)
    for name, value in request.headers.raw:
        lower = name.lower()
        if lower == b"expect":
            continue
        not_added.pop(lower, None)
        # "name:" would mean none.
        lines.append(b"%s: %s" % (name, value) if value.strip() else b"%s;" % name)
    written = b"".join(lines)
    # libcurl would write it as it is, and it would be taken for a header, or for the end of the head.
    if b"\r" in written or b"\n" in written or b"\0" in written:
        raise httpx.LocalProtocolError("a header has a line break or NUL in it")
    return [*lines, *not_added.values()]


def _milliseconds(seconds: float) -> int:
    # 0 would mean no limit.
    return max(1, int(seconds * 1000))
