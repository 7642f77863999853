import http from "node:http";
import http2 from "node:http2";
import { duplexPair } from "node:stream";
import { expect, test } from "vitest";
import { writeStringsAsBytes } from "./string-writes.js";

test("an answer of HTTP/1 goes out over a stream of HTTP/2 as it was written", async () => {
  const body = Buffer.from("the body");
  const server = http.createServer((_request, response) => {
    response.writeHead(403, { "content-type": "text/plain", "content-length": body.length });
    response.end(body);
  });
  const [near, far] = duplexPair();
  const session = http2.performServerHandshake(far);
  session.on("stream", (stream) => {
    writeStringsAsBytes(stream);
    stream.respond({ ":status": 200 });
    server.emit("connection", stream);
  });
  const client = http2.connect("http://gateway", { createConnection: () => near });
  for (let round = 0; round < 20; round++) {
    const call = client.request({ ":method": "POST", ":path": "/connections" });
    call.write("GET / HTTP/1.1\r\nHost: web.test\r\n\r\n");
    let got = "";
    for await (const chunk of call) {
      got += (chunk as Buffer).toString("latin1");
      if (got.endsWith("the body")) break;
    }
    expect(got).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/);
  }
  client.destroy();
  session.destroy();
  server.close();
});
