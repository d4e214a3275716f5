"""The way to an engine by TLS, with a certificate on either side.

Source:
    Docker documentation, "Protect the Docker daemon socket"; Go crypto/tls (what a server says that refuses); Linux man page
    tcp(7).
"""

import asyncio
import contextlib
import os
import socket
import ssl
from threading import Thread
from urllib.parse import urlsplit

from harness.backends.docker.engine_address import Certificates

_CHUNK_BYTES = 1 << 16
_PORT = 2376
_CONNECT_TIMEOUT_S = 10.0
_CLOSE_TIMEOUT_S = 1.0
_REFUSAL_S = 0.25
_ROUNDS = 3
"""Of the loop, in which what was aborted closes its socket."""
_KEEP_ALIVE = {"TCP_KEEPIDLE": 15, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 30_000}
"""In seconds, but for the last, which is in milliseconds: a connection lives as long without an answer."""


_Way = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class TlsCarrier:
    """Carries connections in a thread of its own.

    Args:
        url: of the engine.
        certificates: with which to talk to it.

    Raises:
        OSError: a file cannot be read, or holds no certificate, or the key of another one.
    """

    def __init__(self, url: str, certificates: Certificates) -> None:
        parts = urlsplit(url)
        self._place = parts.hostname or "localhost", parts.port or _PORT
        self._context = _context(certificates)
        self._why_not = ""
        self._has_answered = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True, name="harness-tls")
        self._thread.start()

    def carry(self, connection: socket.socket) -> None:
        """Take a connection over, and pass its bytes on."""
        self._loop.call_soon_threadsafe(self._begin, connection)

    def why_not(self) -> str:
        """What went wrong last."""
        return self._why_not

    def close(self) -> None:
        """End all connections."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _begin(self, connection: socket.socket) -> None:
        task = self._loop.create_task(self._carry(connection))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _end(self) -> None:
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for _ in range(_ROUNDS):
            await asyncio.sleep(0)

    async def _carry(self, connection: socket.socket) -> None:
        reader, writer = await asyncio.open_unix_connection(sock=connection)
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                far_reader, far_writer = await self._connect()
            try:
                self._why_not = ""
                _keep_alive(far_writer.get_extra_info("socket"))
                await self._pass_both_ways((reader, far_writer), (far_reader, writer))
                self._has_answered = self._has_answered or not self._why_not
            finally:
                await _close(far_writer)
        except OSError as error:
            self._why_not = _words(error) or f"no answer within {_CONNECT_TIMEOUT_S:g} s"
        finally:
            await _close(writer)

    async def _connect(self) -> _Way:
        # In two steps, for asyncio leaves a connection open if it is cancelled while it opens one with TLS.
        reader, writer = await asyncio.open_connection(*self._place)
        try:
            await writer.start_tls(self._context, server_hostname=self._place[0])
        except BaseException:
            writer.transport.abort()
            raise
        return reader, writer

    async def _pass_both_ways(self, out: _Way, back: _Way) -> None:
        tasks = [self._loop.create_task(self._pass_on(*back))]
        try:
            if not self._has_answered:
                # A refusal comes when the connection seems to be there, and is lost if anything is sent meanwhile.
                await asyncio.wait(tasks, timeout=_REFUSAL_S)
            tasks.append(self._loop.create_task(self._pass_on(*out)))
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(_CHUNK_BYTES):
                writer.write(data)
                await writer.drain()
        except OSError as error:
            self._why_not = _words(error)


def _keep_alive(connection: socket.socket) -> None:
    """Have it end when the other machine is gone without a word; those that only listen would never know."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEP_ALIVE.items():
        # Not all systems have all of them.
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _words(error: OSError) -> str:
    if isinstance(error, ssl.SSLError) or not error.errno or error.errno < 0:
        return str(error)
    # Where asyncio has put words of its own.
    return os.strerror(error.errno)


async def _close(writer: asyncio.StreamWriter) -> None:
    """Say goodbye; who does not answer soon is left."""
    writer.close()
    try:
        with contextlib.suppress(OSError):
            async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                await writer.wait_closed()
    finally:
        writer.transport.abort()


def _context(certificates: Certificates) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=certificates.authority)
    if not certificates.is_verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if certificates.certificate is not None:
        context.load_cert_chain(certificates.certificate, certificates.key)
    return context
