"""The program that is previewed, and what asks it from within: serve PORT | ask PORT CONNECTIONS REQUESTS"""
import asyncio
import json
import sys
import time

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


async def answer(reader, writer):
    try:
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(ANSWER)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def ask(port, requests):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    times = []
    for _ in range(requests):
        started = time.perf_counter()
        writer.write(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
        await reader.readexactly(len(ANSWER))
        times.append((time.perf_counter() - started) * 1000)
    writer.close()
    return times


async def main(what, port, connections=0, requests=0):
    if what == "serve":
        server = await asyncio.start_server(answer, "127.0.0.1", port)
        await server.serve_forever()
    times = await asyncio.gather(*(ask(port, requests) for _ in range(connections)))
    print(json.dumps([one for each in times for one in each]))


asyncio.run(main(sys.argv[1], *map(int, sys.argv[2:])))
