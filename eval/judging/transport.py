"""HTTP that a strange server cannot keep busy for ever: a bound on a reply's size and on the whole call's time."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx2

MOST_BYTES = 4 * 2**20


class BoundedTransport(httpx2.BaseTransport):
    """Passes requests on, and cuts replies that are too large or too slow.

    Args:
        seconds: From the request to the last byte of the reply.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._transport = httpx2.HTTPTransport(retries=0)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request."""
        until = time.monotonic() + self._seconds
        response = self._transport.handle_request(request)
        if (
            response.headers.get("content-encoding", "identity") != "identity"
        ):  # not asked for: could unpack to anything
            response.close()
            raise httpx2.ReadError("the reply is compressed", request=request)
        assert isinstance(response.stream, httpx2.SyncByteStream)
        response.stream = _BoundedStream(response.stream, until, request)
        return response

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()


class _BoundedStream(httpx2.SyncByteStream):
    def __init__(self, stream: httpx2.SyncByteStream, until: float, request: httpx2.Request) -> None:
        self._stream, self._until, self._request = stream, until, request

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for chunk in self._stream:
            size += len(chunk)
            if size > MOST_BYTES:
                raise httpx2.ReadError(f"the reply is larger than {MOST_BYTES} bytes", request=self._request)
            if time.monotonic() > self._until:
                raise httpx2.ReadTimeout("the reply took too long", request=self._request)
            yield chunk

    def close(self) -> None:
        self._stream.close()
