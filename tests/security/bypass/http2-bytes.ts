/** HTTP/2 written by hand, so that a program can say in it what no library lets it. */

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

type Fields = readonly (readonly [name: string, value: string])[];

/** A client's first bytes with requests, each on its own stream. */
export function http2Requests(...requests: readonly Fields[]): Buffer {
  const endOfStreamAndHeaders = 0x5;
  return Buffer.concat([
    Buffer.from(preface, "latin1"),
    frame({ type: 4, flags: 0, stream: 0 }, Buffer.alloc(0)),
    ...requests.map((fields, at) =>
      frame({ type: 1, flags: endOfStreamAndHeaders, stream: 2 * at + 1 }, fieldBlock(fields)),
    ),
  ]);
}

/** As 101 upgrades to it: the HTTP2-Settings header's value. */
export const upgradeSettings = "AAMAAABkAARAAAAAAAIAAAAA";

function frame(
  { type, flags, stream }: { readonly type: number; readonly flags: number; readonly stream: number },
  payload: Buffer,
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** HPACK without tables and without Huffman's code. */
function fieldBlock(fields: Fields): Buffer {
  const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value, "latin1")]);
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));
}
