"""What clients can do to the server: come many at once, say little, read slowly, hang up."""

import http.client
import socket
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress

from support.http_requests import BUNDLE, FILES, LARGE, ask, assert_soon, get, say, send, statuses


def test_one_connection_takes_many_requests(served):
    paths = [f"/{name}" for name in FILES | BUNDLE]
    with closing(http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)) as connection:
        say(connection)
        port = connection.sock.getsockname()[1]
        for n in range(500):
            assert say(connection, paths[n % len(paths)])[0] == 200
            assert say(connection, "/nothing")[0] == 404
        assert connection.sock.getsockname()[1] == port
    assert statuses(send(served, get(served, "/sw.js") * 3)) == [200, 200, 200]


def test_two_hundred_clients_at_once(served, shop):
    model = (shop.bundle / "model.tflite").read_bytes()
    all_here = threading.Barrier(200, timeout=30)

    def visit(_):
        with closing(http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)) as client:
            client.connect()
            all_here.wait()
            found = [say(client, path) for path in ("/", "/bundle/model.tflite", "/nothing")]
        return [(status, body) for status, _, body in found][:2], found[2][0]

    with ThreadPoolExecutor(200) as pool:
        visits = list(pool.map(visit, range(200)))
    expected = ([(200, b"this is index.html"), (200, model)], 404)
    assert all(visit == expected for visit in visits)
    assert len(served.requests) == 600


def test_who_says_little_delays_nobody(served):
    silent = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(50)]
    for client in silent[::2]:
        client.sendall(b"GET / HTTP/1.1\r\nHost:")
    assert ask(served)[0] == 200
    for client in silent:
        client.close()


def test_who_says_little_is_hung_up_on(served, monkeypatch):
    monkeypatch.setattr("pocketrec.app.server.REQUEST_SECONDS", 0.5)
    threads = threading.active_count()
    idle, dripping = (socket.create_connection(("127.0.0.1", served.port)) for _ in range(2))
    begin = time.monotonic()
    with idle, dripping:
        with suppress(ConnectionError):
            while time.monotonic() - begin < 10:
                dripping.sendall(b"G")  # a byte now and then does not keep a connection
                time.sleep(0.02)
        assert time.monotonic() - begin < 5
        assert idle.recv(1) == b""
    assert_soon(lambda: threading.active_count() <= threads)


def test_idle_connections_make_room_for_new_ones(served, monkeypatch):
    """Far sooner than an idle connection is closed by itself, and without a thread for each."""
    most = 8
    monkeypatch.setattr("pocketrec.app.server.MOST_CONNECTIONS", most)
    threads, begin = threading.active_count(), time.monotonic()
    with ExitStack() as stack:
        idle = []
        for _ in range(5 * most):
            client = socket.create_connection(("127.0.0.1", served.port), timeout=10)
            idle.append(stack.enter_context(client))
        assert ask(served)[0] == 200
        for client in idle[: 4 * most]:
            assert client.recv(1) == b""  # hung up on, the oldest first
        assert_soon(lambda: threading.active_count() <= threads + most)
        idle[-1].sendall(get(served, "/"))
        assert idle[-1].recv(1 << 16).startswith(b"HTTP/1.1 200 OK")
    assert time.monotonic() - begin < 10
    assert_soon(lambda: threading.active_count() <= threads)


def test_slow_readers_make_room_for_new_ones(large, served, monkeypatch):
    monkeypatch.setattr("pocketrec.app.server.MOST_CONNECTIONS", 4)
    threads = threading.active_count()
    with ExitStack() as stack:
        for _ in range(8):
            client = socket.create_connection(("127.0.0.1", served.port), timeout=10)
            stack.enter_context(client).sendall(get(served, large))
            assert client.recv(100)
        for _ in range(8):
            assert ask(served)[0] == 200
        assert_soon(lambda: threading.active_count() <= threads + 4)
    assert_soon(lambda: threading.active_count() <= threads)


def test_who_does_not_listen_is_hung_up_on_and_delays_nobody(large, served, monkeypatch):
    monkeypatch.setattr("pocketrec.app.server.ANSWER_SECONDS", 0.5)
    threads = threading.active_count()
    with socket.create_connection(("127.0.0.1", served.port), timeout=5) as deaf:
        deaf.sendall(get(served, large))
        assert ask(served)[0] == 200
        assert_soon(lambda: threading.active_count() <= threads)
        answer = b"".join(iter(lambda: deaf.recv(1 << 20), b""))
    assert 0 < len(answer) < LARGE


def test_a_keen_client_gets_all_of_a_large_file(large, served):
    assert ask(served, large)[2] == bytes(LARGE)


def test_nothing_is_said_of_clients_that_hang_up(large, served, capfd):
    threads = threading.active_count()
    for _ in range(5):
        client = socket.create_connection(("127.0.0.1", served.port))
        # Closed with a reset, in the middle of an answer.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.sendall(get(served, large))
        client.recv(100)
        client.close()
    assert_soon(lambda: threading.active_count() <= threads)
    assert ask(served)[0] == 200
    assert capfd.readouterr() == ("", "")
