/** Our side of every row: the SDK in this warm process, and the CLI. */
import { createReadStream, createWriteStream } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Alcove, Sandbox } from "alcove";
import { checkout } from "../checkout.js";
import { runToEnd, untilFirstOutput } from "../child.js";
import { stopwatch } from "../measure.js";
import type { Acts } from "../rows.js";

export const image = "debian";
const chunkBytes = 1_048_576;

export interface ActInput {
  readonly alcove: Alcove;
  /** A running sandbox. */
  readonly sandbox: Sandbox;
  readonly payload: { readonly path: string };
  /** A directory for downloads. */
  readonly scratch: string;
}

export function acts(input: ActInput): Acts {
  return { ...sdkActs(input), ...cliActs(input) };
}

function sdkActs({ alcove, sandbox, payload, scratch }: ActInput) {
  const create = async () => {
    const started = performance.now();
    const created = await alcove.sandboxes.create({ image });
    const { stdout } = await created.exec(["echo", "hello"]);
    const elapsed = performance.now() - started;
    if (stdout !== "hello\n") throw new Error(`echo hello printed ${JSON.stringify(stdout)}`);
    await created.delete();
    return elapsed;
  };
  return {
    "create-template": create,
    "create-pool": () => withPool(alcove, create),
    exec: () => stopwatch(() => sandbox.exec(["true"], { check: true })),
    upload: () =>
      stopwatch(() =>
        sandbox.files.write("/root/payload", createReadStream(payload.path, { highWaterMark: chunkBytes })),
      ),
    download: () =>
      stopwatch(async () => {
        const content = await sandbox.files.readStream("/root/payload");
        await pipeline(content, createWriteStream(join(scratch, "alcove-download")));
      }),
  };
}

/** The pool is full before, and gone after, so that no other row gets anything out of it. Only the act is timed. */
async function withPool(alcove: Alcove, act: () => Promise<number>): Promise<number> {
  const { pools } = alcove.defaultGroup;
  await pools.set("bench", { image, minimum: 1 });
  try {
    await pools.waitUntilReady("bench");
    const elapsed = await act();
    const { claimed } = await pools.get("bench");
    if (claimed !== 1) throw new Error(`${claimed} sandboxes were taken from the pool instead of 1`);
    return elapsed;
  } finally {
    await pools.delete("bench");
  }
}

function cliActs({ alcove: daemon, sandbox, payload, scratch }: ActInput) {
  const alcove = (...words: string[]) => [join(checkout, "packages/cli/bin/alcove"), ...words];
  const remote = `${sandbox.id}:/root/payload`;
  const run = () => untilFirstOutput(alcove("run", image, "--", "echo", "hello"));
  return {
    "create-template-cli": run,
    "create-pool-cli": () => withPool(daemon, run),
    "exec-cli": () => stopwatch(() => runToEnd(alcove("exec", sandbox.id, "--", "true"))),
    "upload-cli": () => stopwatch(() => runToEnd(alcove("cp", payload.path, remote))),
    "download-cli": () => stopwatch(() => runToEnd(alcove("cp", remote, join(scratch, "alcove-download-cli")))),
  };
}

/** Pulls an image, runs a program in a sandbox of it until its output is there, and removes both. Answers milliseconds until then. */
export async function pullAndRun(alcove: Alcove, reference: string): Promise<number> {
  const name = "bench-image";
  const started = performance.now();
  await alcove.images.pull(reference, { name });
  const created = await alcove.sandboxes.create({ image: name, cmd: [] });
  await created.exec(["echo", "hello"], { check: true });
  const elapsed = performance.now() - started;
  await created.delete();
  await alcove.images.delete(name);
  return elapsed;
}
