/** What an agent's call may be when its answer is there. */
import { once } from "node:events";
import http2, { type ServerHttp2Stream } from "node:http2";
import { expect, onTestFinished, test } from "vitest";
import { createLookup } from "../flow/lookup.js";
import { handleCall } from "./calls.js";
import { SandboxGate } from "./sandbox-gate.js";
import { noTraffic } from "./traffic-count.js";

/** A question to a gate that answers by the function; fulfils with the code that its stream ended with. */
async function askGate(answer: (stream: ServerHttp2Stream) => Promise<Buffer | undefined>): Promise<number> {
  const server = http2.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = http2.connect(`http://127.0.0.1:${Object(server.address()).port}`);
  onTestFinished(() => {
    client.destroy();
    server.close();
  });
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    const gate = new SandboxGate({
      lookup: createLookup(),
      sandboxId: "sandbox-1",
      traffic: noTraffic,
      record: async () => {},
      certificate: () => Promise.reject(new Error("none")),
      token: async () => ({ fault: "unavailable" }),
      decided: () => {},
    });
    gate.answerDns = () => answer(stream);
    handleCall(gate, stream, headers);
  });
  const call = client.request({ ":method": "POST", ":path": "/dns" }).on("error", () => {});
  call.resume().end("question");
  await new Promise((resolve) => call.once("close", resolve));
  await new Promise(setImmediate);
  return call.rstCode;
}

test("a question whose stream was closed before its answer was there is let go", async () => {
  for (const answer of [Buffer.from("answer"), undefined]) {
    const code = await askGate(async (stream) => {
      stream.close(http2.constants.NGHTTP2_CANCEL);
      expect(stream).toMatchObject({ closed: true, destroyed: false });
      return answer;
    });
    expect(code).toBe(http2.constants.NGHTTP2_CANCEL);
  }
});

test("a question that cannot be answered is reset", async () => {
  const code = await askGate(() => Promise.reject(new Error("a fault of the gateway's own")));
  expect(code).toBe(http2.constants.NGHTTP2_INTERNAL_ERROR);
});
