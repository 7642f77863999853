"""A development server in small: a page at every path, and a WebSocket that tells what is in a file, and what is in it after each change: PORT FILE"""
import asyncio
import base64
import hashlib
import sys

PORT, FILE = int(sys.argv[1]), sys.argv[2]
PAGE = b"""<!doctype html><title>live</title><p id="word"></p><script>
new WebSocket(location.href.replace("http", "ws")).onmessage = ({ data }) => { document.getElementById("word").textContent = data; };
</script>"""
MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


async def answer(reader, writer):
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in head[1:])}
        key = headers.get(b"sec-websocket-key")
        if key is None:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n" + PAGE)
        else:
            accept = base64.b64encode(hashlib.sha1(key + MAGIC).digest())
            writer.write(b"HTTP/1.1 101 Switching\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: " + accept + b"\r\n\r\n")
            await tell(writer)
        await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def tell(writer):
    told = None
    while not writer.is_closing():
        with open(FILE, "rb") as file:
            word = file.read()[:125]
        if word != told:
            writer.write(bytes([0x81, len(word)]) + word)
            await writer.drain()
            told = word
        await asyncio.sleep(0.05)


async def main():
    await (await asyncio.start_server(answer, "127.0.0.1", PORT)).serve_forever()


asyncio.run(main())
