"""The way of a request of pywats' client to the server: over aiohttp, which needs half of what httpcore does.

pywats keeps deciding what is sent and what an answer is; this only carries it. Errors are those of httpx, as precise as
aiohttp tells them: whether a request can have reached the server decides what the bridge does next.
"""

from __future__ import annotations

import ssl
from urllib.request import getproxies

import aiohttp
import httpx
from yarl import URL

MOST_CONNECTIONS = 100
KEEP_ALIVE_S = 30.0
"""As pywats' own client has it."""

MOST_HEADERS = 1_000
LONGEST_HEADER = 65_536
"""Of an answer: aiohttp's own 128 and 8 KiB are fewer than a portal in front of WATS may send (cookies, a content
security policy), and each call would fail for it; the client of pywats took 100 KB."""


def http_client(base_url: str, timeout_s: float) -> httpx.AsyncClient:
    """Make the client that pywats uses instead of its own; to be called on the event loop it is used on.

    Where the environment names a proxy (`HTTPS_PROXY` and others, also the system's settings on macOS and Windows),
    httpx goes its own way, which knows them all.

    Raises:
        httpx.InvalidURL: the address cannot be read, or says who calls, which the token does.
    """
    address = httpx.URL(base_url)
    if address.userinfo:
        raise httpx.InvalidURL("a user name or password in it would take the token's place: write the address alone")
    proxied = getproxies().keys() & {"http", "https", "all"}
    transport = None if proxied else AiohttpTransport(httpx.create_ssl_context(), timeout_s)
    # A redirected POST would arrive as a GET, and a login page be a second call: an answer 3xx is told instead.
    return httpx.AsyncClient(base_url=address, timeout=timeout_s, follow_redirects=False, transport=transport)


class AiohttpTransport(httpx.AsyncBaseTransport):
    """Carries whole requests and whole answers; nothing is sent twice, redirected, stored or decoded here."""

    def __init__(self, trust: ssl.SSLContext, timeout_s: float) -> None:
        """Open no connection yet.

        Args:
            trust: whom to trust where the address is https.
            timeout_s: limit for the connection, and for each silence of the server afterwards.
        """
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=MOST_CONNECTIONS, keepalive_timeout=KEEP_ALIVE_S, ssl=trust),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, connect=timeout_s, sock_read=timeout_s),
            auto_decompress=False,
            max_line_size=LONGEST_HEADER,
            max_field_size=LONGEST_HEADER,
            max_headers=MOST_HEADERS,
        )
        # It would send a PUT again by itself after a lost connection, beside the quota; a test fails without this.
        self._session._retry_connection = False  # noqa: SLF001

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and read its answer to the end.

        Raises:
            httpx.ConnectError: nothing was sent.
            httpx.TimeoutException: no answer in time.
            httpx.TransportError: the connection or the answer broke; what became of the request is unknown.
        """
        try:
            async with self._session.request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=request.headers,
                data=await request.aread() or None,
                allow_redirects=False,
            ) as response:
                body = await response.read()
        except aiohttp.ConnectionTimeoutError as exc:
            raise httpx.ConnectTimeout(str(exc), request=request) from exc
        except aiohttp.ClientConnectorError as exc:
            raise httpx.ConnectError(str(exc), request=request) from exc
        except TimeoutError as exc:
            raise httpx.ReadTimeout(str(exc), request=request) from exc
        except (aiohttp.ClientError, OSError) as exc:
            raise httpx.RemoteProtocolError(str(exc) or type(exc).__name__, request=request) from exc
        return httpx.Response(
            response.status,
            headers=response.raw_headers,
            stream=httpx.ByteStream(body),
            request=request,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._session.close()
