"""What clients can do to the server: come many at once, say little, read slowly, hang up."""

import socket
import struct
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from pocketrec.app.server import Limits
from pocketrec.app.site import read_page
from support.http_requests import (
    BUNDLE,
    FILES,
    LARGE,
    ask,
    connected,
    dialled,
    get,
    say,
    send,
    statuses,
)
from support.patience import HANG_SECONDS, Clock, wait_until


def test_one_connection_takes_many_requests(served):
    paths = [f"/{name}" for name in FILES | BUNDLE]
    with connected(served) as connection:
        say(connection)
        port = connection.sock.getsockname()[1]
        for n in range(500):
            assert say(connection, paths[n % len(paths)])[0] == 200
            assert say(connection, "/nothing")[0] == 404
        assert connection.sock.getsockname()[1] == port
    assert statuses(send(served, get(served, "/sw.js") * 3)) == [200, 200, 200]


def test_two_hundred_clients_at_once(served, shop):
    model = (shop.bundle / "model.tflite").read_bytes()
    all_here = threading.Barrier(200, timeout=HANG_SECONDS)

    def visit(_):
        with connected(served) as client:
            client.connect()
            all_here.wait()
            answers = [say(client, path) for path in ("/", "/bundle/model.tflite", "/nothing")]
        return [(status, body) for status, _, body in answers][:2], answers[2][0]

    with ThreadPoolExecutor(200) as pool:
        visits = list(pool.map(visit, range(200)))
    expected = ([(200, b"this is index.html"), (200, model)], 404)
    assert all(visit == expected for visit in visits)
    assert len(served.requests) == 600


def test_who_says_little_delays_nobody(served):
    silent = [dialled(served) for _ in range(50)]
    for client in silent[::2]:
        client.sendall(b"GET / HTTP/1.1\r\nHost:")
    assert ask(served)[0] == 200
    for client in silent:
        client.close()


def test_who_says_little_is_hung_up_on(serve, folder, shop):
    clock, limits = Clock(), Limits(request_seconds=30)
    served = serve(read_page(folder), shop.bundle, limits=limits, clock=clock)
    threads, begin = threading.active_count(), clock.now
    idle, dripping = (dialled(served) for _ in range(2))

    def is_hung_up_on():
        """Six seconds later, and after another byte, which does not keep the connection."""
        clock.advance(6)
        try:
            dripping.sendall(b"G")
        except ConnectionError:
            return True
        return False

    with idle, dripping:
        wait_until(is_hung_up_on)
        assert clock.now > begin + limits.request_seconds
        assert idle.recv(1) == b""
    wait_until(lambda: threading.active_count() <= threads)


def test_idle_connections_make_room_for_new_ones(serve, folder, shop):
    """No second passes, so none is closed for being idle; and there is no thread for each."""
    most = 8
    limits = Limits(connections=most)
    served = serve(read_page(folder), shop.bundle, limits=limits, clock=Clock())
    threads = threading.active_count()
    with ExitStack() as stack:
        idle = []
        for _ in range(5 * most):
            client = dialled(served)
            idle.append(stack.enter_context(client))
        assert ask(served)[0] == 200
        for client in idle[: 4 * most]:
            assert client.recv(1) == b""  # hung up on, the oldest first
        wait_until(lambda: threading.active_count() <= threads + most)
        idle[-1].sendall(get(served, "/"))
        assert idle[-1].recv(1 << 16).startswith(b"HTTP/1.1 200 OK")
    wait_until(lambda: threading.active_count() <= threads)


def test_slow_readers_make_room_for_new_ones(large, serve, folder, shop):
    served = serve(read_page(folder), shop.bundle, limits=Limits(connections=4), clock=Clock())
    threads = threading.active_count()
    with ExitStack() as stack:
        for _ in range(8):
            client = dialled(served)
            stack.enter_context(client).sendall(get(served, large))
            assert client.recv(100)
        for _ in range(8):
            assert ask(served)[0] == 200
        wait_until(lambda: threading.active_count() <= threads + 4)
    wait_until(lambda: threading.active_count() <= threads)


def test_who_does_not_listen_is_hung_up_on_and_delays_nobody(large, serve, folder, shop):
    clock, limits = Clock(), Limits(answer_seconds=120)
    served = serve(read_page(folder), shop.bundle, limits=limits, clock=clock)
    threads = threading.active_count()
    with dialled(served) as deaf:
        deaf.sendall(get(served, large))
        assert deaf.recv(1) == b"H"  # the answer has begun, and goes on while there is room
        assert ask(served)[0] == 200
        clock.advance(limits.answer_seconds + 1)
        wait_until(lambda: threading.active_count() <= threads)
        answer = b"".join(iter(lambda: deaf.recv(1 << 20), b""))
    assert 0 < len(answer) < LARGE


def test_a_keen_client_gets_all_of_a_large_file(large, served):
    assert ask(served, large)[2] == bytes(LARGE)


def test_nothing_is_said_of_clients_that_hang_up(large, served, capfd):
    threads = threading.active_count()
    for _ in range(5):
        client = dialled(served)
        # Closed with a reset, in the middle of an answer.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.sendall(get(served, large))
        client.recv(100)
        client.close()
    wait_until(lambda: threading.active_count() <= threads)
    assert ask(served)[0] == 200
    assert capfd.readouterr() == ("", "")
