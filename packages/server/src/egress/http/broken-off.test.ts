/** What is broken off in mid-body: the next requests on the same connections go as if nothing had been. */
import http2 from "node:http2";
import { expect, test } from "vitest";
import { connectedPair } from "./flow-test-kit.js";
import { serveHttp2 } from "./http2-program.js";
import { Http2Connection } from "./http2-upstream.js";
import { WindowBudget } from "./window-budget.js";

const body = Buffer.alloc(1024 * 1024);

test("downloads that a program breaks off do not use up its connection", async () => {
  const [near, far] = await connectedPair();
  serveHttp2({
    ...{ stream: far, headTimeoutMs: 5_000, broken: () => {} },
    exchange: async ({ answer }) => void answer.begin({ status: 200, reason: "", headers: [] }, true).write(body),
  });
  const program = http2.connect("http://example.com", { createConnection: () => near }).on("error", () => {});
  for (let round = 0; round < 100; round++) {
    const stream = program.request({ ":path": "/" }).on("error", () => {});
    const status = await new Promise((resolve) => {
      stream.once("response", (headers) => resolve(headers[":status"])).once("close", () => resolve(stream.rstCode));
    });
    expect([round, status]).toEqual([round, 200]);
    await new Promise<void>((resolve) => stream.close(http2.constants.NGHTTP2_CANCEL, resolve));
  }
  program.destroy();
});

test("uploads that are broken off do not use up the connection to a server", async () => {
  const [near, far] = await connectedPair();
  const server = http2.performServerHandshake(far).on("error", () => {});
  server.on("stream", (stream) => stream.on("error", () => {}).respond({ ":status": 200 }));
  const upstream = new Http2Connection(near, new WindowBudget(0));
  for (let round = 0; round < 100; round++) {
    const status = await new Promise((resolve) => {
      const exchange = upstream.send(
        {
          ...{ method: "POST", scheme: "https", authority: "example.com", path: "/", headers: [] },
          ...{ hasBody: true, takesTrailers: false, isWebSocket: false },
        },
        {
          informed: () => {},
          switched: () => {},
          answered: (answer) => {
            resolve(answer.status);
            setImmediate(() => exchange.abort());
          },
          failed: resolve,
        },
      );
      exchange.body.write(body);
    });
    expect([round, status]).toEqual([round, 200]);
  }
  upstream.close();
  server.destroy();
});
