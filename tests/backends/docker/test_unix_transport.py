import gc
import socket
import warnings
from pathlib import Path
from threading import Thread

import docker
import pytest
import requests

from harness.backends.docker.temporary_folder import make_folder, remove_folder
from harness.backends.docker.unix_transport import close_what_does_not_connect


def client(path: Path) -> docker.APIClient:
    api = docker.APIClient(base_url=f"unix://{path}", version="1.41", timeout=5)
    close_what_does_not_connect(api)
    return api


def test_nothing_stays_open_where_nobody_answers(tmp_path: Path) -> None:
    api = client(tmp_path / "nowhere")
    gc.collect()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        with pytest.raises(requests.ConnectionError, match="No such file") as error:
            api.info()
        # Nor is it what waits for whoever looks at the error.
        del error
        gc.collect()
    api.close()
    assert [str(warning.message) for warning in caught] == []


def test_who_answers_is_heard() -> None:
    folder = make_folder()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "s"))
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                for _ in range(2):
                    assert connection.recv(65536).startswith(b"GET /v1.41/info HTTP/1.1")
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

        server = Thread(target=serve)
        server.start()
        api = client(folder / "s")
        assert [api.info(), api.info()] == [{}, {}]
        server.join()
        api.close()
    remove_folder(folder)


def test_clients_by_other_ways_stay_as_they_are() -> None:
    api = docker.APIClient(base_url="tcp://127.0.0.1:1", version="1.41")
    before = dict(api.adapters)
    close_what_does_not_connect(api)
    assert dict(api.adapters) == before
    api.close()
