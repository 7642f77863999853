/** A program in a sandbox, and who asks it: through its preview, or from within. */
import { readFile } from "node:fs/promises";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import type { SandboxPort } from "@alcove/contract";
import { checkout } from "../checkout.js";
import { image } from "./acts.js";
import { startDaemon } from "./daemon.js";

const port = 8_000;
const readyMs = 60_000;
const program = join(checkout, "bench/alcove/preview.py");

/** Milliseconds of each request, on so many connections at a time, each with so many requests one after the other. */
type Ask = (connections: number, requests: number) => Promise<readonly number[]>;

export interface BenchPreview {
  readonly outside: Ask;
  readonly inside: Ask;
  stop(): Promise<void>;
}

export async function startPreview(): Promise<BenchPreview> {
  const daemon = await startDaemon();
  try {
    await daemon.alcove.images.prepare(image);
    const sandbox = await daemon.alcove.sandboxes.create({ image });
    await sandbox.files.write("/root/preview.py", await readFile(program));
    const path = `/v1/groups/default/sandboxes/${sandbox.id}/ports/add`;
    const body = { port, auth: { anonymous: true } };
    const answer = await daemon.alcove.request({ method: "POST", path, body });
    const { ports } = JSON.parse(await text(answer.body)) as { readonly ports: readonly SandboxPort[] };
    const url = ports[0]?.url ?? "";
    await sandbox.spawn(["python3", "/root/preview.py", "serve", String(port)]);
    await untilAnswered(url);
    return {
      outside: (connections, requests) => outside(url, connections, requests),
      async inside(connections, requests) {
        const command = `python3 /root/preview.py ask ${port} ${connections} ${requests}`;
        const { stdout } = await sandbox.exec(command, { check: true });
        return JSON.parse(stdout) as number[];
      },
      stop: () => daemon.stop(),
    };
  } catch (error) {
    await daemon.stop();
    throw error;
  }
}

async function untilAnswered(url: string): Promise<void> {
  const deadline = performance.now() + readyMs;
  for (;;) {
    const failure = await outside(url, 1, 1).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (failure === undefined) return;
    if (performance.now() > deadline) throw failure;
    await pause(50);
  }
}

async function outside(url: string, connections: number, requests: number): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  try {
    const one = async () => {
      const times: number[] = [];
      for (let at = 0; at < requests; at++) times.push(await timed(url, agent));
      return times;
    };
    return (await Promise.all(Array.from({ length: connections }, one))).flat();
  } finally {
    agent.destroy();
  }
}

/** At the gateway's address, whatever the resolver makes of names below localhost. */
function timed(url: string, agent: Agent): Promise<number> {
  const { host, port } = new URL(url);
  const started = performance.now();
  return new Promise((resolve, reject) => {
    request({ host: "127.0.0.1", port, agent, headers: { host } }, (answer) => {
      text(answer).then((said) => {
        if (said === "ok") resolve(performance.now() - started);
        else reject(new Error(`the preview answered ${answer.statusCode}: ${said}`));
      }, reject);
    })
      .on("error", reject)
      .end();
  });
}
