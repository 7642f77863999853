/** A control without a store, over a fake engine: what the tests of the HTTP face and of the SDK talk to. */
import { randomUUID } from "node:crypto";
import { AlcoveError, type AlcoveEvent, type Exec, type Sandbox, type StartExec } from "@alcove/contract";
import type { Control, ExecMessage, ExecRef, SandboxRef } from "../control/control.js";
import type { Engine, Machine } from "../engines/engine.js";
import type { ExecSpec, ExecStatus, OutputFrame } from "../guest/guest.js";

export interface TestControl extends Control {
  /** Sent to whoever follows the events. */
  announce(event: AlcoveEvent): void;
  readonly machines: ReadonlyMap<string, Machine>;
}

const size = { cpuMillicores: 1_000, memoryMiB: 512, diskMiB: 20_480 };
const disk = { name: "debian", digest: "sha256:0", path: "/nowhere", warm: [] };

/** `sandboxes` and `machines` survive when a test makes a second control to play a restart. */
export function createTestControl(
  engine: Engine,
  machines = new Map<string, Machine>(),
  records = new Map<string, Sandbox>(),
): TestControl {
  const guestOf = ({ id }: SandboxRef) => {
    const machine = machines.get(id);
    if (machine === undefined) throw new AlcoveError("SandboxNotFound", `There is no sandbox ${id}.`);
    return machine.guest;
  };
  const found = ({ id }: SandboxRef) => {
    const record = records.get(id);
    if (record === undefined) throw new AlcoveError("SandboxNotFound", `There is no sandbox ${id}.`);
    return record;
  };
  const followers = new Set<(event: AlcoveEvent) => void>();
  const matching = (filter: { labels?: Readonly<Record<string, string>>; state?: string }) =>
    [...records.values()]
      .reverse()
      .filter(({ labels }) => Object.entries(filter.labels ?? {}).every(([key, value]) => labels[key] === value))
      .filter(({ state }) => filter.state === undefined || state === filter.state);
  return {
    machines,
    announce: (event) => {
      for (const follower of followers) follower(event);
    },
    sandboxes: {
      async create(group, body, signal) {
        if (body.sourcesRef.diskImage.name !== "debian") throw new AlcoveError("ImageNotFound");
        const id = randomUUID();
        const environment = body.environment ?? {};
        machines.set(id, await engine.start({ id, disk, size, hostname: "box", environment, generation: 1 }, signal));
        const record = recordOf(id, group, body.labels ?? {});
        records.set(id, record);
        return record;
      },
      list: async (_group, { page = 1, pageSize = 100, ...filter }) =>
        matching(filter).slice((page - 1) * pageSize, page * pageSize),
      count: async (_group, filter) => matching(filter).length,
      get: async (ref) => found(ref),
      async delete({ id }) {
        await machines.get(id)?.destroy();
        machines.delete(id);
        records.delete(id);
      },
      stats: async (ref, signal) => guestOf(ref).stats(signal),
      processes: async (ref, signal) => guestOf(ref).processes(signal),
      console: async ({ id }) => (await machines.get(id)?.console()) ?? new Uint8Array(),
    },
    execs: {
      runCommand: async (ref, { command, args = [], ...body }, signal) =>
        collect(guestOf(ref).execs, [command, ...args], body, signal),
      runShellCommand: async (ref, { command, shell = "/bin/sh", ...body }, signal) =>
        collect(guestOf(ref).execs, [shell, "-c", command], body, signal),
      async *stream(ref, body, signal) {
        const spec = specOf(body);
        try {
          yield* messages(ref, guestOf(ref).execs.run(spec, signal));
        } finally {
          if (signal.aborted && body.id === undefined) await end(ref, spec.id);
        }
      },
      start: async (ref, body, signal) => execOf(ref, await guestOf(ref).execs.start(specOf(body), signal)),
      list: async (ref, signal) => (await guestOf(ref).execs.list(signal)).map((status) => execOf(ref, status)),
      get: async (ref, waitMs, signal) => execOf(ref, await guestOf(ref).execs.get(ref.execId, waitMs, signal)),
      attach: (ref, offset, signal) => messages(ref, guestOf(ref).execs.attach(ref.execId, offset, signal)),
      writeStdin: async (ref, input, options, signal) =>
        guestOf(ref).execs.writeStdin(ref.execId, input, options, signal),
      signal: async (ref, name, signal) => guestOf(ref).execs.signal(ref.execId, name, signal),
      delete: async (ref: ExecRef, options, signal) => guestOf(ref).execs.delete(ref.execId, options, signal),
    },
    files: {
      read: async (ref, path, range, signal) => guestOf(ref).files.read(path, range, signal),
      write: async (ref, path, content, options, signal) => guestOf(ref).files.write(path, content, options, signal),
      delete: async (ref, path, options, signal) => guestOf(ref).files.delete(path, options, signal),
      stat: async (ref, path, signal) => guestOf(ref).files.stat(path, signal),
      list: async (ref, path, signal) => guestOf(ref).files.list(path, signal),
      makeDirectory: async (ref, path, options, signal) => guestOf(ref).files.makeDirectory(path, options, signal),
      move: async (ref, from, to, options, signal) => guestOf(ref).files.move(from, to, options, signal),
      readArchive: async (ref, path, signal) => guestOf(ref).files.readArchive(path, signal),
      writeArchive: async (ref, path, content, options, signal) =>
        guestOf(ref).files.writeArchive(path, content, options, signal),
    },
    images: {
      list: async () => [image],
      get: async (_group, name) => imageNamed(name),
      prepare: async (_group, name) => imageNamed(name),
    },
    events: {
      async *follow(_group, _after, signal) {
        const waiting: AlcoveEvent[] = [];
        let wake = () => {};
        const follower = (event: AlcoveEvent) => {
          waiting.push(event);
          wake();
        };
        followers.add(follower);
        signal.addEventListener("abort", () => wake());
        try {
          while (!signal.aborted) {
            const event = waiting.shift();
            if (event !== undefined) yield event;
            else await new Promise<void>((resolve) => (wake = resolve));
          }
        } finally {
          followers.delete(follower);
        }
      },
    },
    system: {
      health: async () => health(records.size),
      version: () => ({ version: "0.0.0", apiVersion: "v1", node: process.version, pid: process.pid }),
      doctor: async () => ({ findings: [] }),
    },
  };

  async function end(ref: SandboxRef, execId: string): Promise<void> {
    await guestOf(ref)
      .execs.delete(execId, { force: true }, AbortSignal.timeout(5_000))
      .catch(() => undefined);
  }
}

async function* messages(ref: SandboxRef, frames: AsyncIterable<OutputFrame>): AsyncGenerator<ExecMessage> {
  for await (const frame of frames) {
    if (frame.kind === "status") yield { type: "started", exec: execOf(ref, frame.status) };
    else if (frame.kind === "end") yield { type: "end", exec: execOf(ref, frame.status) };
    else if (frame.kind === "gap") yield { type: "gap", from: frame.from, to: frame.to };
    else yield { type: "output", stream: frame.kind, offset: frame.offset, bytes: frame.bytes };
  }
}

async function collect(
  execs: Machine["guest"]["execs"],
  argv: readonly string[],
  body: Omit<StartExec, "id" | "stdin"> & { stdin?: string | undefined; outputLimitBytes?: number | undefined },
  signal: AbortSignal,
) {
  const { stdin, outputLimitBytes = 1_048_576, ...rest } = body;
  const spec = { ...specOf({ ...rest, args: [...argv], stdin: stdin !== undefined }), outputLimitBytes };
  const output = { stdout: "", stderr: "" };
  let end: ExecStatus | undefined;
  for await (const frame of execs.run(spec, signal)) {
    if (frame.kind === "stdout" || frame.kind === "stderr") output[frame.kind] += Buffer.from(frame.bytes).toString();
    if (frame.kind === "end") end = frame.status;
    if (frame.kind === "status" && stdin !== undefined) {
      void execs.writeStdin(spec.id, once(stdin), { close: true }, signal).catch(() => undefined);
    }
  }
  if (end === undefined) throw new AlcoveError("GuestUnresponsive");
  const { exitCode = 0, timedOut, stdoutBytes, stderrBytes, durationMs } = end;
  const stdoutTruncated = stdoutBytes > output.stdout.length;
  const stderrTruncated = stderrBytes > output.stderr.length;
  const counts = { stdoutTruncated, stderrTruncated, stdoutBytes, stderrBytes };
  return { exitCode, signal: end.signal, timedOut, ...output, ...counts, executionTimeMs: durationMs };
}

async function* once(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

function specOf(body: StartExec): ExecSpec {
  const argv = body.args ?? ["/bin/sh", "-c", body.shellCommand ?? ""];
  const { workingDirectory, user, timeoutMs } = body;
  return {
    id: body.id ?? randomUUID(),
    argv,
    environment: body.environment ?? {},
    stdin: body.stdin ?? false,
    ...(workingDirectory === undefined ? {} : { workingDirectory }),
    ...(user === undefined ? {} : { user }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  };
}

function execOf({ id }: SandboxRef, status: ExecStatus): Exec {
  const { argv, durationMs, startedAtUnixMs, endedAtUnixMs, ...rest } = status;
  return {
    ...rest,
    sandboxId: id,
    args: [...argv],
    startedAt: new Date(startedAtUnixMs).toISOString(),
    endedAt: endedAtUnixMs === undefined ? undefined : new Date(endedAtUnixMs).toISOString(),
    executionTimeMs: durationMs,
  };
}

function recordOf(id: string, group: string, labels: Readonly<Record<string, string>>): Sandbox {
  return {
    id,
    group,
    state: "Running",
    stateDetails: {},
    desiredState: "Running",
    sourcesRef: { diskImage: { name: "debian" } },
    resources: { cpu: "1000m", memory: "512Mi", disk: "20480Mi" },
    labels,
    entrypoint: [],
    cmd: [],
    engine: "fake",
    generation: 1,
    createdAt: new Date().toISOString(),
  };
}

const image = {
  name: "debian",
  state: "Ready" as const,
  message: "Ready",
  progress: 1,
  digest: "sha256:0",
  sizeBytes: 1,
};

function imageNamed(name: string) {
  if (name === image.name) return image;
  throw new AlcoveError("ImageNotFound", `There is no image ${name}.`);
}

function health(total: number) {
  return {
    status: "ok" as const,
    problems: [],
    engine: "fake",
    accelerator: "in-process",
    sandboxes: { running: total, total, creating: 0 },
    memory: { hostAvailableMiB: 1, committedMiB: 0 },
    diskFreeBytes: 1,
    daemonResidentBytes: process.memoryUsage.rss(),
    uptimeMs: 1,
  };
}
