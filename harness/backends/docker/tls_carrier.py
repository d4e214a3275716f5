"""The way to an engine by TLS, with a certificate on either side.

Source:
    Docker documentation, "Protect the Docker daemon socket"; Go crypto/tls (what a server says that refuses).
"""

import asyncio
import contextlib
import socket
import ssl
from threading import Thread
from urllib.parse import urlsplit

from harness.backends.docker.engine_address import Certificates

_CHUNK_BYTES = 1 << 16
_PORT = 2376
_CONNECT_TIMEOUT_S = 10.0


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

    async def _carry(self, connection: socket.socket) -> None:
        reader, writer = await asyncio.open_unix_connection(sock=connection)
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                far_reader, far_writer = await asyncio.open_connection(*self._place, ssl=self._context)
        except OSError as error:
            self._why_not = str(error) or f"no answer within {_CONNECT_TIMEOUT_S:g} s"
            await _close(writer)
            return
        ways = (
            self._loop.create_task(self._pass_on(reader, far_writer)),
            self._loop.create_task(self._pass_on(far_reader, writer)),
        )
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            await _close(writer)
            await _close(far_writer)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(_CHUNK_BYTES):
                writer.write(data)
                await writer.drain()
        except OSError as error:
            # That a client's certificate is refused is told when the connection already seems to be there.
            self._why_not = str(error)


async def _close(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        writer.close()
        await writer.wait_closed()


def _context(certificates: Certificates) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=certificates.authority)
    if not certificates.is_verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if certificates.certificate is not None:
        context.load_cert_chain(certificates.certificate, certificates.key)
    return context
