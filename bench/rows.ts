/** What is measured. Ids never change: results of different days are compared by them. */
import type { Act } from "./measure.js";

export interface Row {
  readonly id: RowId;
  readonly what: string;
  readonly unit: "ms" | "µs" | "MB" | "MB/s" | "requests/s";
  /** Ratio to the peer's median (ours ÷ peer): at most this for times, at least this for throughputs. Or our own p50, p95 or p99, in the unit. */
  readonly goal: { readonly value: number; readonly of: "ratio" | "p50" | "p95" | "p99" } | null;
  /** Where the design wants to be one day. */
  readonly aim: string;
}

export const payloadBytes = 256_000_000;

/** Beside Docker. */
export const peerRows = [
  {
    id: "create-template",
    what: "create → first output, from the image's template: SDK against Docker's API (create, start, output)",
    unit: "ms",
    goal: { value: 1, of: "ratio" },
    aim: "≤ 0.7 ×",
  },
  {
    id: "create-template-cli",
    what: "the same by command: alcove run against docker run",
    unit: "ms",
    goal: { value: 1, of: "ratio" },
    aim: "≤ 0.7 ×",
  },
  {
    id: "create-pool",
    what: "the same as create-template from a warm pool that is full, against the same of Docker's",
    unit: "ms",
    goal: { value: 0.15, of: "ratio" },
    aim: "≤ 0.15 ×",
  },
  {
    id: "create-pool-cli",
    what: "the same by command: alcove run, from a warm pool that is full, against docker run",
    unit: "ms",
    goal: { value: 0.15, of: "ratio" },
    aim: "≤ 0.15 ×",
  },
  {
    id: "exec",
    what: "round trip of `true` in a running sandbox: SDK against Docker's API",
    unit: "ms",
    goal: { value: 0.3, of: "ratio" },
    aim: "≤ 0.15 ×",
  },
  {
    id: "exec-cli",
    what: "the same by command: alcove exec against docker exec",
    unit: "ms",
    goal: { value: 0.3, of: "ratio" },
    aim: "≤ 0.15 ×",
  },
  {
    id: "upload",
    what: "one file of 256 MB onto the guest's disk, synced: SDK against Docker's API",
    unit: "MB/s",
    goal: { value: 1, of: "ratio" },
    aim: "≥ 60 MB/s",
  },
  {
    id: "upload-cli",
    what: "the same by command: alcove cp against docker cp",
    unit: "MB/s",
    goal: { value: 1, of: "ratio" },
    aim: "≥ 60 MB/s",
  },
  {
    id: "download",
    what: "one file of 256 MB from the guest's disk: SDK against Docker's API",
    unit: "MB/s",
    goal: { value: 1, of: "ratio" },
    aim: "≥ 60 MB/s",
  },
  {
    id: "download-cli",
    what: "the same by command: alcove cp against docker cp",
    unit: "MB/s",
    goal: { value: 1, of: "ratio" },
    aim: "≥ 60 MB/s",
  },
] as const satisfies readonly (Omit<Row, "id"> & { readonly id: PeerRowId })[];

/** Without Docker: a daemon by itself, or against itself. */
export const recordRows = [
  {
    id: "api-10k-list",
    what: "with 10,000 sandboxes on record: list those with a label, one page of 50; the goal is for the p99",
    unit: "ms",
    goal: { value: 20, of: "p99" },
    aim: "≤ 20 ms",
  },
  {
    id: "api-10k-create",
    what: "create with 10,000 sandboxes on record against create with 10, fake engine",
    unit: "ms",
    goal: { value: 1.1, of: "ratio" },
    aim: "≤ 1.1 ×",
  },
] as const satisfies readonly (Omit<Row, "id"> & { readonly id: RecordRowId })[];

/**
 * A sandbox that sleeps, wakes and is copied: after ten commands (Python among them), 1 MB written to its disk, and a rest. Docker
 * has nothing of the kind; waking stands beside a container that it creates and starts.
 */
export const timeRows = [
  {
    id: "suspend",
    what: "suspend of an idle sandbox with its memory, until it is on the disk and nothing of it runs",
    unit: "ms",
    goal: { value: 60, of: "p50" },
    aim: "≤ 50 ms",
  },
  {
    id: "resume",
    what: "resume of a suspended sandbox, until it runs and takes calls",
    unit: "ms",
    goal: { value: 80, of: "p50" },
    aim: "≤ 60 ms",
  },
  {
    id: "resume-exec",
    what: "the same until the first output of a command, against Docker's create, start, output",
    unit: "ms",
    goal: null,
    aim: "≤ 0.7 ×",
  },
  {
    id: "snapshot-pause",
    what: "how long a running sandbox stands still for a snapshot of it",
    unit: "ms",
    goal: { value: 60, of: "p50" },
    aim: "≤ 50 ms",
  },
  {
    id: "suspended-bytes",
    what: "what a suspended sandbox of 512 MiB has on the disk for itself, memory and disk, after 30 s of rest",
    unit: "MB",
    goal: { value: 8, of: "p50" },
    aim: "≤ 4 MB",
  },
  {
    id: "fork-20",
    what: "20 forks of a running sandbox in one call, divided by 20",
    unit: "ms",
    goal: { value: 150, of: "p50" },
    aim: "≤ 100 ms",
  },
  {
    id: "fork-20-exec",
    what: "from the call until the last of the 20 forks has answered a command, all asked at once",
    unit: "ms",
    goal: null,
    aim: "p95 ≤ 3 s",
  },
  {
    id: "fork-20-memory",
    what: "memory of the host that each of the 20 forks has for itself after a command",
    unit: "MB",
    goal: { value: 80, of: "p50" },
    aim: "≤ 60 MB",
  },
] as const satisfies readonly (Omit<Row, "id"> & { readonly id: TimeRowId })[];

/** Beside Docker, with a registry: few rounds, since each takes long. */
export const imageRow = {
  id: "image-build",
  what: "an image of one layer that is nowhere on the host yet → first output: pull and run, from the same registry on loopback",
  unit: "ms",
  goal: null,
  aim: "none named",
} as const satisfies Omit<Row, "id"> & { readonly id: "image-build" };

/** In a running sandbox, by the SDK, which `alcove shell` types and shows through. */
export const terminalRow = {
  id: "terminal-echo",
  what: "a key typed into a shell until its echo is there, one after the other; the goal is for the p95",
  unit: "ms",
  goal: { value: 30, of: "p95" },
  aim: "p95 ≤ 30 ms",
} as const satisfies Omit<Row, "id"> & { readonly id: "terminal-echo" };

/** Without a daemon: the policy alone, in this process. */
export const verdictRow = {
  id: "verdict",
  what: "a verdict of an egress policy with 1,000 rules, over requests that fall on the last rule of each kind",
  unit: "µs",
  goal: { value: 20, of: "p50" },
  aim: "≤ 20 µs",
} as const satisfies Omit<Row, "id"> & { readonly id: "verdict" };

/**
 * Without a sandbox: the gateway's process alone, with an agent that is played. What `added` says is the time through the gate less the direct one of the same
 * round, each on a connection of its own, its TLS included.
 */
export const gateRows = [
  {
    id: "gate-ttfb",
    what: "added time to the first byte through the gateway, TLS passed through",
    unit: "ms",
    goal: { value: 5, of: "p50" },
    aim: "≤ 5 ms",
  },
  {
    id: "gate-ttfb-opened",
    what: "added time to the first byte through the gateway, TLS opened",
    unit: "ms",
    goal: { value: 5, of: "p50" },
    aim: "≤ 5 ms",
  },
  {
    id: "gate-ttfb-opened-p99",
    what: "the same; the goal is for the p99",
    unit: "ms",
    goal: { value: 25, of: "p99" },
    aim: "≤ 25 ms",
  },
  {
    id: "gate-ttfb-first",
    what: "added time to the first byte, TLS opened, of the first connection to a name, whose certificate has to be made",
    unit: "ms",
    goal: null,
    aim: "none named",
  },
  {
    id: "gate-throughput",
    what: "one answer of 64 MB through the gateway against direct, TLS passed through",
    unit: "MB/s",
    goal: null,
    aim: "none named",
  },
  {
    id: "gate-throughput-opened",
    what: "one answer of 64 MB through the gateway against direct, TLS opened",
    unit: "MB/s",
    goal: null,
    aim: "none named",
  },
  {
    id: "gate-memory",
    what: "memory of the gateway's process with 1,000 idle connections whose TLS is opened",
    unit: "MB",
    goal: null,
    aim: "none named",
  },
] as const satisfies readonly (Omit<Row, "id"> & { readonly id: GateRowId })[];

/**
 * A program in a sandbox that answers two bytes, on connections that are kept: through its preview from the host, and from within, on the sandbox's own
 * loopback. The way into the machine is in the difference.
 */
export const previewRows = [
  {
    id: "preview-overhead",
    what: "added time of a request through the preview of a port, against one inside the sandbox",
    unit: "ms",
    goal: { value: 3, of: "p50" },
    aim: "≤ 3 ms",
  },
  {
    id: "preview-rps",
    what: "requests a second through the preview of a port, 16 at a time, against as many inside the sandbox",
    unit: "requests/s",
    goal: null,
    aim: "none named",
  },
] as const satisfies readonly (Omit<Row, "id"> & { readonly id: PreviewRowId })[];

export type PreviewRowId = "preview-overhead" | "preview-rps";
export type GateRowId =
  | "gate-ttfb"
  | "gate-ttfb-opened"
  | "gate-ttfb-opened-p99"
  | "gate-ttfb-first"
  | "gate-throughput"
  | "gate-throughput-opened"
  | "gate-memory";
export type RecordRowId = "api-10k-list" | "api-10k-create";
export type TimeRowId =
  | "suspend"
  | "resume"
  | "resume-exec"
  | "snapshot-pause"
  | "suspended-bytes"
  | "fork-20"
  | "fork-20-exec"
  | "fork-20-memory";
export type RowId =
  | PeerRowId
  | RecordRowId
  | TimeRowId
  | GateRowId
  | PreviewRowId
  | typeof imageRow.id
  | typeof terminalRow.id
  | typeof verdictRow.id;

export type PeerRowId =
  | "create-template"
  | "create-template-cli"
  | "create-pool"
  | "create-pool-cli"
  | "exec"
  | "exec-cli"
  | "upload"
  | "upload-cli"
  | "download"
  | "download-cli";

/** One side's way to do every row beside Docker; an act answers milliseconds. */
export type Acts = Readonly<Record<PeerRowId, Act>>;
