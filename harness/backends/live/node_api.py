"""What scenarios ask of a node's REST API.

Source:
    Scylla, api/api-doc/gossiper.json, storage_service.json; api/storage_service.cc (repair_async gives a number at
    once, by which its status is asked; decommission answers when the node has left).
"""

import json
from uuid import UUID

from harness.backends.live.rest_client import RestClient
from harness.errors import BackendError
from harness.waiting import wait_until

DECOMMISSION_TIMEOUT_S = 600.0
REPAIR_TIMEOUT_S = 600.0


class NodeApi:
    """The REST API of one node; every method raises ``BackendError`` if it does not answer, or refuses."""

    def __init__(self, client: RestClient, *, name: str) -> None:
        self._client = client
        self._name = name

    def live_endpoints(self) -> frozenset[str]:
        """Addresses of the nodes that it takes for alive, itself among them or not."""
        path = "/gossiper/endpoint/live"
        told = self._client.get(path)
        if not isinstance(told, list):
            raise BackendError(f"GET {path} on {self._name} gives no list but {told!r}")
        return frozenset(str(address) for address in told)

    def release_version(self) -> str:
        """Its version, such as ``4.2.4-0.20210324``."""
        return str(self._client.get("/storage_service/scylla_release_version"))

    def schema_version(self) -> str:
        """The version of the schema that it has, as a UUID."""
        return str(self._client.get("/storage_service/schema_version"))

    def host_id(self) -> UUID:
        """Its host id."""
        told = self._client.get("/storage_service/hostid/local")
        try:
            return UUID(str(told))
        except ValueError:
            raise BackendError(f"{self._name} says that its host id is {told!r}") from None

    def repair(self, keyspace: str) -> None:
        """Run a repair of a keyspace; returns when it is done.

        Raises:
            BackendError: it failed, or is not done in time.
        """
        path = f"/storage_service/repair_async/{keyspace}"
        number = self._client.post(path, {"primaryRange": "false"})
        seen: list[object] = []

        def is_over() -> bool:
            seen.append(self._client.get(path, {"id": json.dumps(number)}))
            return seen[-1] != "RUNNING"

        if not wait_until(is_over, timeout_s=REPAIR_TIMEOUT_S):
            raise BackendError(
                f"the repair of {keyspace} on {self._name} still runs after {REPAIR_TIMEOUT_S:g} s"
            )
        if seen[-1] != "SUCCESSFUL":
            raise BackendError(f"the repair of {keyspace} on {self._name} has failed: {seen[-1]}")

    def decommission(self) -> None:
        """Let it hand over its data and leave; returns when it has."""
        self._client.post("/storage_service/decommission", timeout_s=DECOMMISSION_TIMEOUT_S)
