import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { type ConnectionOptions, connect } from "node:tls";
import fc from "fast-check";
import { expect, onTestFinished, test, vi } from "vitest";
import { type ClientHello, ClientHelloReader, type HelloFault } from "./client-hello.js";

const runs = process.env.ALCOVE_TEST_LONG === undefined ? 5_000 : 200_000;

/** What Node's TLS says first. */
async function helloOf(options: ConnectionOptions): Promise<Buffer> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connect({ host: "127.0.0.1", port: Object(server.address()).port, ...options });
  client.on("error", () => {});
  const [socket] = (await once(server, "connection")) as [Socket];
  const [bytes] = (await once(socket, "data")) as [Buffer];
  client.destroy();
  socket.destroy();
  server.close();
  return bytes;
}

function read(chunks: readonly Buffer[]): ClientHello | HelloFault | undefined {
  const reader = new ClientHelloReader();
  for (const chunk of chunks) {
    const answer = reader.push(chunk);
    if (answer !== undefined) return answer;
  }
  return undefined;
}

/** A ClientHello around these extensions, in one record. */
function hello(extensions: readonly (readonly [type: number, data: Buffer])[]): Buffer {
  const list = Buffer.concat(extensions.map(([type, data]) => Buffer.concat([two(type), two(data.length), data])));
  const parts = [two(0x0303), Buffer.alloc(33), two(2), two(0x1301), Buffer.from([1, 0]), two(list.length), list];
  return record(Buffer.concat([Buffer.from([1, 0]), two(Buffer.concat(parts).length), ...parts]));
}

/** The same ClientHello in records of so many bytes. */
function inRecords(whole: Buffer, size: number): Buffer {
  const message = whole.subarray(5);
  const count = Math.ceil(message.length / size);
  return Buffer.concat(Array.from({ length: count }, (_, at) => record(message.subarray(at * size, (at + 1) * size))));
}

const two = (number: number) => Buffer.from([number >> 8, number & 255]);
const record = (bytes: Buffer) => Buffer.concat([Buffer.from([22, 3, 1]), two(bytes.length), bytes]);
const serverName = (name: string, kind = 0) => {
  const entry = Buffer.concat([Buffer.from([kind]), two(name.length), Buffer.from(name, "latin1")]);
  return Buffer.concat([two(entry.length), entry]);
};

function tooLong(): Buffer {
  const bytes = hello([[0, serverName("a.test")]]);
  bytes.writeUInt16BE(0x1000, bytes.length - serverName("a.test").length - 2);
  return bytes;
}

test.each<[string, ConnectionOptions, Partial<ClientHello>]>([
  ["of TLS 1.3", { servername: "www.example.com", minVersion: "TLSv1.3" }, { serverName: "www.example.com" }],
  ["of TLS 1.2", { servername: "www.example.com", maxVersion: "TLSv1.2" }, { serverName: "www.example.com" }],
  ["with ALPN", { servername: "a.test", ALPNProtocols: ["h2", "http/1.1"] }, { serverName: "a.test" }],
  ["without a name", {}, { serverName: undefined }],
  [
    "that is long",
    { servername: `${"a".repeat(60)}.test`, ALPNProtocols: Array.from({ length: 200 }, (_, at) => `protocol-${at}`) },
    { serverName: `${"a".repeat(60)}.test` },
  ],
])("a real ClientHello %s is read, whole and byte by byte and in many records", async (_, options, wanted) => {
  const bytes = await helloOf(options);
  expect(read([bytes])).toMatchObject(wanted);
  expect(read([...bytes].map((byte) => Buffer.from([byte])))).toMatchObject(wanted);
  const many = inRecords(bytes, Math.ceil(bytes.length / 64));
  expect(read([many])).toMatchObject(wanted);
  expect(read([...many].map((byte) => Buffer.from([byte])))).toMatchObject(wanted);
  expect(read([bytes.subarray(0, -1)])).toBeUndefined();
});

test("what follows in records of its own is left alone", () => {
  const bytes = Buffer.concat([hello([[0, serverName("a.test")]]), Buffer.from([23, 3, 3, 0, 1, 0])]);
  expect(read([bytes])).toMatchObject({ serverName: "a.test" });
});

test("one in the most records that may be is read with each byte copied a few times at most, and one in more is a fault", () => {
  const padded = hello([
    [0, serverName("a.test")],
    [21, Buffer.alloc(15_000)],
  ]);
  const many = inRecords(padded, Math.ceil(padded.length / 64));
  const concat = vi.spyOn(Buffer, "concat");
  onTestFinished(() => concat.mockRestore());
  expect(read([many])).toMatchObject({ serverName: "a.test" });
  const copied = concat.mock.results.reduce((bytes, { value }) => bytes + Buffer.from(value).length, 0);
  expect(copied).toBeGreaterThan(0);
  expect(copied).toBeLessThan(4 * many.length);
  const inOnes = inRecords(padded, 1);
  expect(read([inOnes])).toMatchObject({ fault: expect.stringContaining("64 records") });
  expect(read([inOnes.subarray(0, 64 * 6)])).toMatchObject({ fault: expect.stringContaining("64 records") });
});

test.each<[string, Buffer]>([
  [
    "a name twice",
    hello([
      [0, serverName("a.test")],
      [0, serverName("b.test")],
    ]),
  ],
  [
    "two names in one list",
    hello([[0, Buffer.concat([two(12), serverName("a.b").subarray(2), serverName("c.d").subarray(2)])]]),
  ],
  ["a name of another kind", hello([[0, serverName("a.test", 1)]])],
  ["an empty name", hello([[0, serverName("")]])],
  ["a name with a NUL", hello([[0, serverName("a.test\0.evil")]])],
  ["a name that is not ASCII", hello([[0, serverName("b\u00fccher.test")]])],
  ["a list that is longer than what is in it", hello([[0, Buffer.concat([serverName("a.test"), Buffer.alloc(1)])]])],
  ["an extension that leads past the end", tooLong()],
  ["another message", record(Buffer.from([2, 0, 0, 1, 0]))],
  ["an empty record", record(Buffer.alloc(0))],
  ["a record of more than 16 KiB", Buffer.from([22, 3, 1, 0x40, 1])],
  ["a message of more than 64 KiB", record(Buffer.from([1, 1, 0, 1]))],
  [
    "a record of another kind in between",
    Buffer.concat([record(Buffer.from([1, 0])), Buffer.from([21, 3, 3, 0, 2, 1, 0])]),
  ],
])("%s is a fault", (_, bytes) => {
  expect(read([bytes])).toMatchObject({ fault: expect.any(String) });
});

test("whatever comes, it is read the same in whatever pieces, or not at all", { timeout: 60_000 }, () => {
  const good = hello([
    [0, serverName("www.example.com")],
    [16, Buffer.from([0, 3, 2, 0x68, 0x32])],
    [43, Buffer.from([2, 3, 4])],
  ]);
  const changed = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 4 }).map((changes) => {
    const bytes = Buffer.from(good);
    for (const [at, byte] of changes) bytes[at] = byte;
    return bytes;
  });
  const any = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.concat([Buffer.from([22, 3, 1]), bytes]));
  fc.assert(
    fc.property(fc.oneof(changed, any), fc.nat(40), (bytes, size) => {
      const pieces = Array.from({ length: Math.ceil(bytes.length / (size + 1)) }, (_, at) =>
        bytes.subarray(at * (size + 1), (at + 1) * (size + 1)),
      );
      const [whole, cut] = [read([bytes]), read(pieces)];
      expect(cut).toEqual(whole);
      if (whole !== undefined && "serverName" in whole) expect(bytes.includes(whole.serverName ?? "")).toBe(true);
    }),
    { numRuns: runs },
  );
});
