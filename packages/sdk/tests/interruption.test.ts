/** What one who follows a command learns of the sandbox's sleep, over streams that break: with a transport that is played. */
import type { Exec } from "@alcove/contract";
import type { Interruption } from "alcove";
import { expect, test } from "vitest";
import { ConnectionError } from "../src/errors.js";
import { followExec } from "../src/exec-stream.js";
import type { SandboxAddress } from "../src/scope.js";
import type { TransportSocket } from "../src/transport.js";

const exec = { id: "e", exitCode: 0, stdoutBytes: 4 } as Exec;
const started = JSON.stringify({ type: "started", exec });
const ended = JSON.stringify({ type: "end", exec });
const night = { stoppedAt: "2031-05-01T20:00:00.000Z", resumedAt: "2031-05-02T06:00:00.000Z" };
const noon = { stoppedAt: "2031-05-02T12:00:00.000Z", resumedAt: "2031-05-02T13:00:00.000Z" };
const slept = (interruption: Interruption) => JSON.stringify({ type: "interrupted", ...interruption });

test("a sleep is told once where it came, though the stream breaks after it and begins there again", async () => {
  const words = await followed([
    [started, output(0, "ab"), slept(night)],
    [started, slept(night), slept(noon)],
    [started, slept(night), slept(noon), output(2, "cd"), slept(night), ended],
  ]);
  expect(words).toEqual(["ab", night, noon, "cd", night]);
});

/** What a listener hears of streams of which all but the last break. */
async function followed(streams: readonly (readonly (string | Uint8Array)[])[]): Promise<unknown[]> {
  const heard: unknown[] = [];
  let opened = 0;
  const openSocket = async (): Promise<TransportSocket> => {
    const messages = streams[opened++] ?? [];
    return {
      messages: played(messages, opened === streams.length),
      send: async () => undefined,
      close: () => undefined,
    };
  };
  const address = { transport: { openSocket }, params: { group: "g", id: "s" } } as unknown as SandboxAddress;
  const listener = {
    started: () => undefined,
    output: async (_stream: string, bytes: Uint8Array) => void heard.push(Buffer.from(bytes).toString()),
    lost: () => undefined,
    interrupted: (interruption: Interruption) => void heard.push(interruption),
  };
  await followExec({ address, execId: "e", offset: 0, listener, signal: AbortSignal.timeout(10_000) });
  return heard;
}

async function* played(messages: readonly (string | Uint8Array)[], isLast: boolean) {
  yield* messages;
  if (!isLast) throw new ConnectionError("It broke.", { isUnsent: false });
}

function output(offset: number, text: string): Uint8Array {
  const frame = Buffer.alloc(9 + text.length);
  frame[0] = 1;
  frame.writeBigUInt64BE(BigInt(offset), 1);
  frame.write(text, 9);
  return frame;
}
