import errno
import socket
import subprocess
import sys

import pytest

from harness.backends.network.keeper import Keeper
from harness.backends.network.traffic_control import TrafficControl


@pytest.mark.namespaces
def test_what_the_kernel_refuses_is_an_error_of_the_system(keeper: Keeper) -> None:
    traffic = TrafficControl(lambda: keeper.open_socket(keeper.hub, socket.AF_NETLINK, socket.SOCK_DGRAM))
    with pytest.raises(OSError, match="No such device") as caught:
        traffic.change("add", "pfifo", 4711, 0x10000, limit=1)
    assert caught.value.errno == errno.ENODEV
    traffic.close()
    traffic.close()


def test_networks_without_it_do_not_load_what_it_takes() -> None:
    program = (
        "import sys, harness.backends.network.network as network; "
        "from harness.backends.network.traffic_control import TrafficControl; "
        "TrafficControl(lambda: 1 / 0).close(); sys.exit('pyroute2' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
