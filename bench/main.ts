/**
 * `./dev bench`: Alcove and Docker, side by side in one run. Options: --rounds N, --only ROW,ROW, --no-peer.
 * Results go to bench/results/ unless --only or --rounds make them incomparable.
 *
 * To add a row beside Docker: 1. its id and goal in rows.ts  2. our act in alcove/acts.ts  3. the peer's in docker/peer.ts.
 */
import { randomBytes } from "node:crypto";
import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { parseArgs } from "node:util";
import type { Sandbox } from "alcove";
import { makeImage } from "../packages/server/src/images/oci/test-image.js";
import { acts, image, pullAndRun } from "./alcove/acts.js";
import { breakdown } from "./alcove/breakdown.js";
import { type BenchDaemon, startDaemon } from "./alcove/daemon.js";
import { measureGate } from "./alcove/measure-gate.js";
import { measurePreviews } from "./alcove/measure-previews.js";
import { startWith } from "./alcove/on-record.js";
import { measureEchoes } from "./alcove/terminal.js";
import { measureForks, measureNaps, measureSuspendedBytes } from "./alcove/time.js";
import { measureVerdicts } from "./alcove/verdict.js";
import { chartOf } from "./chart.js";
import { checkout } from "./checkout.js";
import { type Peer, type PeerInput, startPeer } from "./docker/peer.js";
import { describeCommit, describeMachine } from "./machine.js";
import { measure } from "./measure.js";
import { DockerRegistry } from "./registry.js";
import { judge, type Result, type RowResult, writeResult } from "./result.js";
import {
  type Acts,
  imageRow,
  payloadBytes,
  peerRows,
  type Row,
  recordRows,
  type TimeRowId,
  terminalRow,
  timeRows,
  verdictRow,
} from "./rows.js";
import { markdownTable, resultTable } from "./table.js";

/** For all rounds of all rows; the rest of the bench's ten minutes goes to setting up and the breakdown. */
const totalBudgetMs = 460_000;
const fullRounds = 20;
/** Of what takes long. */
const fewRounds = 3;
const imageBudgetMs = 180_000;
const rootFileSystem = ["tar", "--one-file-system", "-C", "/", "-cf", "-", "."] as const;
/** Other times, so that Docker has not got the layer already, by the comparison of the other rows. */
const unknownLayer = ["tar", "--mtime=@1", "--one-file-system", "-C", "/", "-cf", "-", "."] as const;
/** Enough for a p99; they are quick. */
const recordRounds = 400;
const recordBudgetMs = 20_000;
const keys = 400;
const results = join(checkout, "bench/results");

interface Plan {
  readonly rounds: number;
  readonly only: readonly string[];
  readonly withPeer: boolean;
}

async function bench(plan: Plan): Promise<void> {
  if (![...peerRows, ...timeRows, imageRow, terminalRow].some(({ id }) => isWanted(plan, id))) {
    return print(await measureAlone(plan));
  }
  const scratch = await mkdtemp("/var/tmp/alcove-bench-");
  const daemon = await startDaemon();
  try {
    const payload = { path: join(scratch, "payload"), sizeBytes: payloadBytes };
    await writeRandom(payload.path, payload.sizeBytes);
    say(`Preparing the image ${image} and its template`);
    await daemon.alcove.images.prepare(image, { onProgress: ({ message }) => say(`  ${message}`) });
    await using sandbox = await daemon.alcove.sandboxes.create({ image });
    const peer = plan.withPeer ? await tryPeer({ sandbox, payload, scratch }) : "left out by --no-peer";
    try {
      const ours = acts({ alcove: daemon.alcove, sandbox, payload, scratch });
      const measured = [
        ...(await measureRows(plan, ours, peer)),
        ...(await measureTime(plan, daemon, peer)),
        ...(await measureTerminal(plan, sandbox)),
        ...(await measureImage(plan, daemon, sandbox, peer)),
        ...(await measureAlone(plan)),
      ];
      await conclude(plan, daemon, peer, measured);
    } finally {
      if (typeof peer !== "string") await peer.stop();
    }
    const layers = await breakdown(daemon.alcove, sandbox, daemon.log);
    console.log(`\n${layers}`);
    if (isWhole(plan)) await writeFile(join(results, "breakdown.txt"), `${layers}\n`);
  } finally {
    await daemon.stop();
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Docker gets our image's root file system, out of a running sandbox. */
async function tryPeer(
  input: Omit<PeerInput, "rootFileSystem"> & { readonly sandbox: Sandbox },
): Promise<Peer | string> {
  say("Starting Docker with the same root file system");
  const tar = await input.sandbox.spawn(rootFileSystem);
  const peer = await startPeer({ ...input, rootFileSystem: Readable.from(tar.stdout, { objectMode: false }) });
  if (typeof peer === "string") say(`No comparison with Docker: ${peer}`);
  return peer;
}

async function measureRows(plan: Plan, ours: Acts, peer: Peer | string): Promise<RowResult[]> {
  const measured: RowResult[] = [];
  const wanted = peerRows.filter(({ id }) => isWanted(plan, id));
  const deadline = performance.now() + totalBudgetMs;
  for (const [at, row] of wanted.entries()) {
    // What a quick row leaves over is for the slow ones.
    const budgetMs = (deadline - performance.now()) / (wanted.length - at);
    say(`${row.id}: ${row.what}`);
    const other = typeof peer === "string" ? undefined : peer;
    const sides = { ours: ours[row.id], peer: other?.acts[row.id] };
    const milliseconds = await measure(sides, { count: plan.rounds, budgetMs });
    const asUnit = unitOf(row);
    measured.push(
      judge(row, { ours: milliseconds.ours.map(asUnit), peer: milliseconds.peer.map(asUnit), peerName: other?.name }),
    );
  }
  return measured;
}

async function measureTime(plan: Plan, { alcove }: BenchDaemon, peer: Peer | string): Promise<RowResult[]> {
  const wanted = timeRows.filter(({ id }) => isWanted(plan, id));
  for (const { id, what } of wanted) say(`${id}: ${what}`);
  const wants = (...ids: readonly TimeRowId[]) => wanted.some(({ id }) => ids.includes(id));
  const other = typeof peer === "string" ? undefined : peer;
  const figures: Partial<Record<TimeRowId, readonly number[]>> = {};
  let peers: readonly number[] = [];
  if (wants("suspend", "resume", "resume-exec", "snapshot-pause")) {
    const measured = await measureNaps(alcove, plan.rounds, other?.acts["create-template"]);
    Object.assign(figures, measured.naps);
    peers = measured.peers;
  }
  if (wants("suspended-bytes")) figures["suspended-bytes"] = await measureSuspendedBytes(alcove, fewRounds);
  if (wants("fork-20", "fork-20-exec", "fork-20-memory")) {
    const { each, answered, memory } = await measureForks(alcove, fewRounds);
    Object.assign(figures, { "fork-20": each, "fork-20-exec": answered, "fork-20-memory": memory });
  }
  return wanted.map((row) => {
    const peerFigures = row.id === "resume-exec" ? peers : [];
    return judge(row, { ours: figures[row.id] ?? [], peer: peerFigures, peerName: other?.name });
  });
}

async function measureTerminal(plan: Plan, sandbox: Sandbox): Promise<RowResult[]> {
  if (!isWanted(plan, terminalRow.id)) return [];
  say(`${terminalRow.id}: ${terminalRow.what}`);
  return [judge(terminalRow, { ours: await measureEchoes(sandbox, keys), peer: [], peerName: undefined })];
}

/** The root file system of our image, pulled from a registry as if it were anybody's. */
async function measureImage(plan: Plan, { alcove }: BenchDaemon, sandbox: Sandbox, peer: Peer | string) {
  if (!isWanted(plan, imageRow.id)) return [];
  say(`${imageRow.id}: ${imageRow.what}`);
  await using registry = await DockerRegistry.start();
  const tar = await sandbox.spawn(unknownLayer);
  await registry.push(makeImage({ layers: [await buffer(tar.stdout)] }), "bench/image:1");
  const reference = `${registry.host}/bench/image:1`;
  const other = typeof peer === "string" ? undefined : peer;
  const sides = {
    ours: () => pullAndRun(alcove, reference),
    peer: other === undefined ? undefined : () => other.pullAndRun(reference),
  };
  const { ours, peer: theirs } = await measure(sides, { count: fewRounds, budgetMs: imageBudgetMs });
  return [judge(imageRow, { ours, peer: theirs, peerName: other?.name })];
}

/** What has nothing to do with the daemon of the other rows. */
async function measureAlone(plan: Plan): Promise<RowResult[]> {
  const isWantedRow = (id: string) => isWanted(plan, id);
  return [
    ...(await measureOnRecord(plan)),
    ...(await measureGate(isWantedRow)),
    ...(await measurePreviews(isWantedRow)),
    ...measurePolicy(plan),
  ];
}

/** A daemon with 10,000 sandboxes on record, and where that is asked for one with 10, in turns. */
async function measureOnRecord(plan: Plan): Promise<RowResult[]> {
  const wanted = recordRows.filter(({ id }) => isWanted(plan, id));
  if (wanted.length === 0) return [];
  for (const { id, what } of wanted) say(`${id}: ${what}`);
  const full = await startWith(10_000);
  try {
    const few = await startWith(10);
    try {
      const sides = {
        "api-10k-list": { ours: full.list, peer: undefined },
        "api-10k-create": { ours: full.create, peer: few.create },
      };
      const measured: RowResult[] = [];
      for (const row of wanted) {
        const { ours, peer } = await measure(sides[row.id], {
          count: recordRounds,
          budgetMs: recordBudgetMs,
        });
        measured.push(judge(row, { ours, peer, peerName: peer.length === 0 ? undefined : "10 on record" }));
      }
      return measured;
    } finally {
      await few.stop();
    }
  } finally {
    await full.stop();
  }
}

function measurePolicy(plan: Plan): RowResult[] {
  if (!isWanted(plan, verdictRow.id)) return [];
  say(`${verdictRow.id}: ${verdictRow.what}`);
  return [judge(verdictRow, { ours: measureVerdicts(plan.rounds), peer: [], peerName: undefined })];
}

function isWanted({ only }: Plan, id: string): boolean {
  return only.length === 0 || only.includes(id);
}

async function conclude(plan: Plan, { alcove }: BenchDaemon, peer: Peer | string, measured: readonly RowResult[]) {
  const { engine, accelerator } = await alcove.health();
  const docker = typeof peer === "string" ? peer : peer.name.replace("docker ", "");
  const machine = await describeMachine({ docker, engine, accelerator });
  const result: Result = { machine, commit: await describeCommit(), rows: measured };
  print(measured);
  if (isWhole(plan)) await writeResult(results, result, chartOf(result));
  else say("A partial run: bench/results/ is left as it was.");
}

function print(measured: readonly RowResult[]): void {
  console.log(`\n${resultTable(measured)}\n\nFor the README:\n\n${markdownTable(measured)}`);
}

/** Only whole runs are comparable with each other. */
function isWhole({ rounds, only, withPeer }: Plan): boolean {
  return only.length === 0 && rounds >= fullRounds && withPeer;
}

function unitOf(row: Row): (milliseconds: number) => number {
  return row.unit === "ms" ? (milliseconds) => milliseconds : (milliseconds) => payloadBytes / 1_000 / milliseconds;
}

/** Random, so that nothing on the way can make it smaller. */
async function writeRandom(path: string, sizeBytes: number): Promise<void> {
  await using file = await open(path, "w");
  const chunkBytes = 8_000_000;
  for (let written = 0; written < sizeBytes; written += chunkBytes) {
    await file.write(randomBytes(Math.min(chunkBytes, sizeBytes - written)));
  }
  await file.sync();
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: String(fullRounds) },
    only: { type: "string", default: "" },
    "no-peer": { type: "boolean", default: false },
  },
});
await bench({
  rounds: Number(values.rounds),
  only: values.only.split(",").filter((id) => id !== ""),
  withPeer: !values["no-peer"],
});
