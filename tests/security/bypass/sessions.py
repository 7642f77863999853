"""Keeps connections open and sends a token on each whenever it is told to: `/root/go-N` holds the tokens of the Nth time. Says nothing of
how it went but when it is done, in `/root/done-N`."""

import json, os, socket, ssl, struct, sys, time

good, passed, https, raw = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])


def secure(host, protocol):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols([protocol])
    return context.wrap_socket(socket.create_connection((host, https), timeout=20), server_hostname=host)


def request(path, *headers):
    return "\r\n".join([f"GET {path} HTTP/1.1", f"Host: {good}:{https}", *headers, "", ""]).encode()


def text(value):
    return bytes([len(value)]) + value.encode()


def frame(kind, flags, stream, payload):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def fields(path):
    named = [(":method", "GET"), (":scheme", "https"), (":authority", f"{good}:{https}"), (":path", path)]
    return b"".join(b"\0" + text(name) + text(value) for name, value in named)


def masked(token):
    """A text frame of a WebSocket under a mask that changes nothing."""
    return bytes([0x81, 0x80 | len(token)]) + b"\0\0\0\0" + token.encode()


kept = secure(good, "http/1.1")
kept.sendall(request("/public/first"))
kept.recv(65536)
upgraded = secure(good, "http/1.1")
key = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
upgraded.sendall(request("/public/socket", *key))
upgraded.recv(65536)
second = secure(good, "h2")
second.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"") + frame(1, 5, 1, fields("/public/first")))
second.recv(65536)
unopened = secure(passed, "http/1.1")
unopened.sendall(request("/first"))
unopened.recv(65536)
opaque = socket.create_connection((good, raw), timeout=20)
opaque.sendall(b"\0first")
opaque.recv(65536)
uploading = secure(good, "http/1.1")
uploading.sendall(request("/public/upload", "Transfer-Encoding: chunked"))
streams = iter(range(3, 1000, 2))

sending = {
    "the next request of a connection": lambda token: kept.sendall(request(f"/public/{token}")),
    "a WebSocket": lambda token: upgraded.sendall(masked(token)),
    "HTTP/2": lambda token: second.sendall(frame(1, 5, next(streams), fields(f"/public/{token}"))),
    "TLS that is not opened": lambda token: unopened.sendall(request(f"/{token}")),
    "opaque bytes": lambda token: opaque.sendall(token.encode()),
    "a request's body": lambda token: uploading.sendall(f"{len(token):x}\r\n{token}\r\n".encode()),
}
time_number = 0
open("/root/done-0", "w").close()
while True:
    time_number += 1
    while not os.path.exists(f"/root/go-{time_number}"):
        time.sleep(0.05)
    tokens = json.load(open(f"/root/go-{time_number}"))
    for what, token in tokens.items():
        for _ in range(3):
            try:
                sending[what](token)
                time.sleep(0.05)
            except OSError:
                pass
    time.sleep(1)
    open(f"/root/done-{time_number}", "w").close()
