/** Streams that are broken off in mid-body: the session serves the next as if nothing had been. */
import { once } from "node:events";
import http2, { type ServerHttp2Stream } from "node:http2";
import { expect, test } from "vitest";
import { connectedPair } from "../http/flow-test-kit.js";
import { ChannelServer } from "./channel-server.js";

const body = Buffer.alloc(1024 * 1024, "x");

function pour(stream: ServerHttp2Stream): void {
  stream.respond({ ":status": 200 });
  stream.write(body);
}

test.each(["the agent", "the gateway"])("answers that %s breaks off do not use up the session", async (breaker) => {
  const [near, far] = await connectedPair();
  const isOurs = breaker === "the gateway";
  const server = new ChannelServer(far, (stream) => {
    pour(stream);
    if (isOurs) setImmediate(() => stream.destroy(new Error("reset")));
  });
  const agent = http2.connect("http://gateway", { createConnection: () => near }).on("error", () => {});
  for (let round = 0; round < 200; round++) {
    const stream = agent.request({ ":method": "POST", ":path": "/connections" }, { endStream: false });
    stream.on("error", () => {});
    const closed = new Promise<void>((resolve) => void stream.once("close", resolve));
    await Promise.race([new Promise((resolve) => stream.once("response", resolve)), closed]);
    if (!isOurs) stream.close(http2.constants.NGHTTP2_CANCEL);
    await closed;
    expect([round, stream.rstCode]).not.toEqual([round, http2.constants.NGHTTP2_ENHANCE_YOUR_CALM]);
  }
  const ended = once(agent, "close");
  agent.destroy();
  await Promise.all([ended, server.ended]);
});
