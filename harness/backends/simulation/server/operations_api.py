"""What operators have a node do by the REST API: repair, leave, flush.

Source:
    Scylla (branch 4.2), api/storage_service.cc (repair_async: a number at once, by which its status is asked;
    decommission answers when the node has left), repair/repair.cc (tracker), api/api-doc/storage_service.json.
"""

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from enum import Enum

from harness.backends.simulation.node_context import NodeContext
from harness.backends.simulation.server.http_connection import HttpError
from harness.backends.simulation.server.rest_api import Arguments, RestApi
from harness.backends.simulation.server.storage_api import replication_of
from harness.errors import HarnessError


class RepairStatus(Enum):
    """What became of a repair."""

    RUNNING = "RUNNING"
    SUCCESSFUL = "SUCCESSFUL"
    FAILED = "FAILED"


class OperationsApi:
    """Adds its paths to the API.

    Args:
        api: of the node.
        context: of the node.
        repair: repairs a keyspace.
        decommission: lets the node leave.
    """

    def __init__(
        self,
        api: RestApi,
        context: NodeContext,
        *,
        repair: Callable[[str], Awaitable[object]],
        decommission: Callable[[], Awaitable[object]],
    ) -> None:
        self._context = context
        self._repair = repair
        self._decommission = decommission
        self._repairs: dict[int, RepairStatus] = {}
        self._ended = asyncio.Event()
        api.add("POST", "/storage_service/repair_async/{keyspace}", self._begin_repair)
        api.add("GET", "/storage_service/repair_async/{keyspace}", self._repair_status)
        api.add("GET", "/storage_service/active_repair", self._active_repairs)
        api.add("GET", "/storage_service/repair_status", self._await_repair)
        api.add("POST", "/storage_service/decommission", self._leave)
        api.add("POST", "/storage_service/keyspace_flush/{keyspace}", self._flush)

    async def _begin_repair(self, arguments: Arguments) -> object:
        keyspace = arguments["keyspace"]
        replication_of(self._context, keyspace)
        number = len(self._repairs) + 1
        self._repairs[number] = RepairStatus.RUNNING
        self._context.world.start(self._run_repair(number, keyspace), f"repair {number} of {keyspace}")
        return number

    async def _run_repair(self, number: int, keyspace: str) -> None:
        status = RepairStatus.FAILED
        try:
            await self._repair(keyspace)
            status = RepairStatus.SUCCESSFUL
        except HarnessError as error:
            self._context.world.log(f"repair {number} of {keyspace} failed: {error}")
        finally:
            self._repairs[number] = status
            ended, self._ended = self._ended, asyncio.Event()
            ended.set()

    async def _repair_status(self, arguments: Arguments) -> object:
        return self._status(arguments)[1].value

    async def _await_repair(self, arguments: Arguments) -> object:
        """The same, but answered when the repair has ended."""
        number, status = self._status(arguments)
        while status is RepairStatus.RUNNING:
            await self._ended.wait()
            status = self._repairs[number]
        return status.value

    async def _active_repairs(self, _: Arguments) -> object:
        return [number for number, status in self._repairs.items() if status is RepairStatus.RUNNING]

    async def _leave(self, _: Arguments) -> object:
        try:
            await self._decommission()
        except HarnessError as error:
            self._context.world.log(f"decommission failed: {''.join(traceback.format_exception(error))}")
            raise HttpError(500, str(error)) from error
        return None

    async def _flush(self, arguments: Arguments) -> object:
        """Everything that was written is kept already; only what is not there is refused."""
        replication_of(self._context, arguments["keyspace"])
        return None

    def _status(self, arguments: Arguments) -> tuple[int, RepairStatus]:
        text = arguments.get("id", "")
        status = self._repairs.get(int(text)) if text.isdecimal() else None
        if status is None:
            raise HttpError(400, f"unknown repair id {text}")
        return int(text), status
