"""Connections of a sandbox's programs, as the first argument says; prints what they saw, as JSON."""
import errno, json, selectors, socket, struct, sys, time

out = {}
address = "203.0.113.5"


def connect(port, to=address):
    family = socket.AF_INET6 if ":" in to else socket.AF_INET
    conn = socket.socket(family)
    conn.settimeout(20)
    conn.connect((to, port))
    return conn


def rest(conn):
    """What comes until the end, or how it breaks off."""
    got = b""
    try:
        while True:
            piece = conn.recv(65536)
            if not piece:
                return got.decode()
            got += piece
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))


def broken_off(port, to=address):
    """How a connection ends that is reset at once: the reset may come before connect has returned."""
    try:
        return rest(connect(port, to))
    except OSError as error:
        return errno.errorcode[error.errno]


def refused():
    for name, family, kind, protocol, to in [
        ("udp", socket.AF_INET, socket.SOCK_DGRAM, 0, address),
        ("udp6", socket.AF_INET6, socket.SOCK_DGRAM, 0, "2001:db8::1"),
        ("icmp", socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP, address),
        ("icmp6", socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6, "2001:db8::1"),
        ("sctp", socket.AF_INET, socket.SOCK_RAW, 132, address),
    ]:
        began = time.monotonic()
        conn = socket.socket(family, kind, protocol)
        seen = "sent"
        try:
            echo = struct.pack("!BBHHH", 128 if family == socket.AF_INET6 else 8, 0, 0xF7FF, 0, 0)
            conn.sendto(echo, (to, 443 if kind == socket.SOCK_DGRAM else 0))
        except OSError as error:
            seen = errno.errorcode[error.errno]
        out[name] = [seen, time.monotonic() - began < 0.3]


def ends():
    conn = connect(1009)
    conn.sendall(b"x" * 3_000_000)
    conn.shutdown(socket.SHUT_WR)
    out["program first"] = rest(conn)
    conn = connect(1010)
    out["gateway first"] = rest(conn)
    conn.sendall(b"y" * 100_000)
    conn.close()
    out["reset"] = broken_off(1020)
    out["refused"] = broken_off(1021)
    out["own port"] = [broken_off(61000, "127.0.0.1"), broken_off(61000, "::1")]
    conn = connect(1022)
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    conn.close()


def many():
    waiting = selectors.DefaultSelector()
    conns = []
    for index in range(1000):
        conn = connect(7, address if index % 2 else "2001:db8::1")
        conn.sendall(b"%05d" % index)
        waiting.register(conn, selectors.EVENT_READ, index)
        conns.append(conn)
    right = 0
    while waiting.get_map():
        for key, _ in waiting.select(20) or sys.exit("nothing came for 20 s"):
            right += key.fileobj.recv(5) == b"%05d" % key.data
            waiting.unregister(key.fileobj)
    out["right"] = right
    time.sleep(float(sys.argv[2]))
    for conn in conns:
        conn.close()


def slow():
    conn = connect(1019)
    time.sleep(3)
    out["first"] = conn.recv(1).decode()


def unread():
    """Whether a program that sends to somebody who reads nothing has to wait, and after how much."""
    conn = connect(1022)
    conn.settimeout(3)
    sent = 0
    try:
        while sent < 64 << 20:
            sent += conn.send(b"x" * 65536)
    except TimeoutError:
        out["waits"] = True
    out["less than 16 MiB"] = sent < 16 << 20


def asleep():
    conn = connect(1022)
    conn.settimeout(None)
    print("connected", flush=True)
    out["seen"] = rest(conn)
    again = connect(7)
    again.sendall(b"again")
    again.shutdown(socket.SHUT_WR)
    out["again"] = rest(again)


def local():
    before = tracked()
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    for _ in range(500):
        near = socket.create_connection(listener.getsockname(), timeout=5)
        far = listener.accept()[0]
        near.close()
        far.close()
    conn = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    conn.connect(("127.0.0.1", 9))
    conn.send(b"x")
    time.sleep(0.05)
    try:
        conn.send(b"x")
    except OSError as error:
        out["closed port"] = errno.errorcode[error.errno]
    out["tracked"] = max(tracked() - before, 0)


def names():
    """For each way to ask for a long text: whether the answer was cut, and how many records it has."""
    question = b"\0\7\1\0\0\1\0\0\0\0\0%c\4long\4test\0\0\x10\0\1"
    for name, extra in [("small", b""), ("large", b"\0\0\x29\x10\0\0\0\0\0\0\0")]:
        conn = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        conn.settimeout(10)
        conn.connect((address, 53))
        conn.send(question % bool(extra) + extra)
        answer = conn.recv(65536)
        out[name] = [bool(answer[2] & 2), answer[7]]
    conn = connect(53)
    asked = question % 0
    conn.sendall(struct.pack("!H", len(asked)) + asked)
    answer = conn.recv(65536)
    while len(answer) < 2 + struct.unpack("!H", answer[:2])[0]:
        answer += conn.recv(65536)
    out["tcp"] = [bool(answer[4] & 2), answer[9]]


def tracked():
    return int(open("/proc/sys/net/netfilter/nf_conntrack_count").read())


globals()[sys.argv[1]]()
print(json.dumps(out))
