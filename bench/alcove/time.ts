/** Sleeping, waking, being copied: what each takes of a sandbox that has done something and rests. */
import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import type { Alcove, Sandbox } from "alcove";
import { type Act, stopwatch } from "../measure.js";
import { image } from "./acts.js";

const megabyte = 1_000_000;
const restMs = 30_000;
const forks = 20;
const size = { cpu: "1", memory: "512Mi" } as const;

export interface Naps {
  readonly suspend: number[];
  readonly resume: number[];
  readonly "resume-exec": number[];
  readonly "snapshot-pause": number[];
}

/** One after the other on one sandbox, in turns with the peer. */
export async function measureNaps(alcove: Alcove, rounds: number, peer: Act | undefined) {
  await using sandbox = await busied(alcove);
  const naps: Naps = { suspend: [], resume: [], "resume-exec": [], "snapshot-pause": [] };
  const peers: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const snapshot = await sandbox.snapshot();
    naps["snapshot-pause"].push(snapshot.pausedMs);
    await alcove.snapshots.delete(snapshot.id);
    naps.suspend.push(await stopwatch(() => sandbox.stop()));
    const resumed = await stopwatch(() => sandbox.resume());
    naps.resume.push(resumed);
    naps["resume-exec"].push(resumed + (await stopwatch(() => sandbox.exec(["echo", "hello"], { check: true }))));
    if (peer !== undefined) peers.push(await peer(round));
  }
  return { naps, peers };
}

/** Megabytes of each of some sandboxes that rest at the same time. */
export async function measureSuspendedBytes(alcove: Alcove, count: number): Promise<number[]> {
  const sandboxes: Sandbox[] = [];
  try {
    for (let made = 0; made < count; made++) sandboxes.push(await busied(alcove));
    await pause(restMs);
    const sizes: number[] = [];
    for (const sandbox of sandboxes) {
      await sandbox.stop();
      sizes.push(await settledBytes(sandbox));
    }
    return sizes;
  } finally {
    await Promise.all(sandboxes.map((sandbox) => sandbox.delete()));
  }
}

/** It shrinks for a while when it is compressed in the background. */
async function settledBytes(sandbox: Sandbox): Promise<number> {
  let before = Number.POSITIVE_INFINITY;
  for (;;) {
    const { suspended } = await sandbox.info();
    if (suspended === undefined) throw new Error("the sandbox that was stopped is not suspended");
    if (suspended.ownBytes === before) return before / megabyte;
    before = suspended.ownBytes;
    await pause(5_000);
  }
}

export async function measureForks(alcove: Alcove, rounds: number) {
  await using sandbox = await busied(alcove);
  const figures = { each: [] as number[], answered: [] as number[], memory: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    const began = performance.now();
    const { sandboxes, errors } = await sandbox.fork(forks);
    const made = performance.now() - began;
    try {
      if (errors.length > 0) throw new Error(`${errors.length} forks failed`, { cause: errors[0]?.error });
      await Promise.all(sandboxes.map((fork) => fork.exec(["true"], { check: true })));
      figures.each.push(made / forks);
      figures.answered.push(performance.now() - began);
      figures.memory.push((await ownMemory(sandboxes.map(({ id }) => id))) / forks);
    } finally {
      await Promise.all(sandboxes.map((fork) => fork.delete()));
    }
  }
  return figures;
}

/** Ten commands, Python among them, and 1 MB on the disk. */
async function busied(alcove: Alcove): Promise<Sandbox> {
  const sandbox = await alcove.sandboxes.create({ image, ...size });
  for (let command = 0; command < 9; command++) await sandbox.exec(["ls", "/"], { check: true });
  await sandbox.exec(["python3", "-c", "print(sum(range(1000)))"], { check: true });
  await sandbox.files.write("/root/written", randomBytes(megabyte));
  return sandbox;
}

/** Megabytes that the sandboxes' processes share with nobody. */
export async function ownMemory(ids: readonly string[]): Promise<number> {
  let bytes = 0;
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const commandLine = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (!commandLine.startsWith("qemu") && !commandLine.includes("/qemu-system")) continue;
    if (!ids.some((id) => commandLine.includes(id))) continue;
    const rollup = await readFile(`/proc/${pid}/smaps_rollup`, "utf8");
    for (const [, kibibytes] of rollup.matchAll(/^Private_(?:Clean|Dirty):\s+(\d+) kB$/gm)) {
      bytes += Number(kibibytes) * 1024;
    }
  }
  return bytes / megabyte;
}
