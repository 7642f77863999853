import { once } from "node:events";
import http2 from "node:http2";
import net, { type Socket } from "node:net";
import { expect, test } from "vitest";
import { AgentSession } from "./session.js";

test("uploads that are broken off do not use up an agent's session", async () => {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const near = net.connect(Object(server.address()).port, "127.0.0.1");
  const [far]: Socket[] = await once(server, "connection");
  server.close();
  if (far === undefined) throw new Error("nobody connected");
  const agent = http2.performServerHandshake(far).on("error", () => {});
  agent.on("stream", (stream) => {
    stream.on("error", () => {});
    stream.respond({ ":status": 200 });
  });
  const session = new AgentSession(near);
  for (let round = 0; round < 100; round++) {
    const stream = session.request({ ":method": "PUT", ":path": "/files" }, true);
    stream.write(Buffer.alloc(1024 * 1024));
    const answer = await new Promise((resolve) => {
      stream.once("response", (headers) => resolve(headers[":status"])).once("close", () => resolve("closed"));
    });
    expect([round, answer]).toEqual([round, 200]);
    stream.destroy();
  }
  session.end(new Error("over"));
  await session.ended;
  agent.destroy();
});
