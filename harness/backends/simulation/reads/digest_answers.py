"""Data and digests of one read as they come in: when they are enough, and whether they agree.

Source:
    Scylla (branch 4.2), service/storage_proxy.cc (abstract_read_resolver, digest_read_resolver).
"""

import asyncio

from harness.backends.simulation.cql.request_error import RequestError
from harness.backends.simulation.reads.read_errors import read_failure, read_timeout
from harness.codec.verbs.common import ConsistencyLevel
from harness.codec.verbs.query_result import QueryResult
from harness.table import Table


class DigestAnswers:
    """Takes the answers of replicas.

    Args:
        table: that is read.
        consistency: the level, for errors.
        required: how many answers the client waits for.
        expected: how many requests are sent.
    """

    def __init__(self, table: Table, consistency: ConsistencyLevel, *, required: int, expected: int) -> None:
        self.answered: list[str] = []
        """Addresses of those that answered, in the order in which they did."""
        self.data: QueryResult | None = None
        """The first data that came."""
        self._digests: set[bytes | None] = set()
        self._table = table
        self._consistency = consistency
        self._required = required
        self._expected = expected
        self._failed_count = 0
        loop = asyncio.get_running_loop()
        self.enough: asyncio.Future[None] = loop.create_future()
        """Done when the client can be answered; has the exception if it cannot be."""
        self.all: asyncio.Future[None] = loop.create_future()
        """Done when nothing more comes."""

    @property
    def agree(self) -> bool:
        """Whether all answers that came have the same digest."""
        return len(self._digests) <= 1

    @property
    def expected(self) -> int:
        """How many requests were sent."""
        return self._expected

    def expect_another(self) -> None:
        """One more request is sent."""
        self._expected += 1

    def take_data(self, address: str, result: QueryResult) -> None:
        """Take the data of a replica."""
        if self.data is None:
            self.data = result
        self._take(address, result.digest)

    def take_digest(self, address: str, digest: bytes) -> None:
        """Take the digest of a replica."""
        self._take(address, digest)

    def fail(self, *, is_disconnected: bool) -> None:
        """A replica will not answer.

        Args:
            is_disconnected: the connection to it broke; where no other replica is left, the client waits until its
                timeout, for the request may have been one of those that are sent on speculation.
        """
        self._failed_count += 1
        if is_disconnected and self._required == self._expected:
            return
        if self._required + self._failed_count > self._expected and not self.enough.done():
            self.enough.set_exception(
                read_failure(
                    self._table,
                    self._consistency,
                    received=len(self.answered),
                    failed=self._failed_count,
                    required=self._required,
                    has_data=self.data is not None,
                )
            )
        self._settle()

    def timeout(self) -> RequestError:
        """The error of a read that is over before enough came."""
        return read_timeout(
            self._table,
            self._consistency,
            received=len(self.answered),
            required=self._required,
            has_data=self.data is not None,
        )

    def _take(self, address: str, digest: bytes | None) -> None:
        self.answered.append(address)
        self._digests.add(digest)
        if len(self.answered) >= self._required and self.data is not None and not self.enough.done():
            self.enough.set_result(None)
        self._settle()

    def _settle(self) -> None:
        if len(self.answered) + self._failed_count >= self._expected and not self.all.done():
            self.all.set_result(None)
