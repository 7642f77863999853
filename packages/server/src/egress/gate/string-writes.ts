import type { Duplex } from "node:stream";

/**
 * Has strings become bytes before an HTTP/2 stream of Node's gets them. Of several writes at once, some strings and some not, as Node's own
 * HTTP/1 makes them of a head and a body, it frees the strings before it has sent them (seen with Node 20.20): the peer would get
 * whatever lies in their place by then.
 */
export function writeStringsAsBytes(stream: Duplex): void {
  const writeAll = stream._writev?.bind(stream);
  if (writeAll === undefined) return;
  stream._writev = (writes, done) => {
    const inBytes = writes.map(({ chunk, encoding }) => ({
      chunk: typeof chunk === "string" ? Buffer.from(chunk, encoding) : chunk,
      encoding,
    }));
    writeAll(Object.assign(inBytes, { allBuffers: true }), done);
  };
}
