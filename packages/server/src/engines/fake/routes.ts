/** The fake agent's answers to the daemon's calls (agent/PROTOCOL.md). */
import type { ServerHttp2Stream } from "node:http2";
import { AlcoveError } from "@alcove/contract";
import { z } from "zod";
import type { ExecSpec } from "../../guest/guest.js";
import { packDirectory, unpackInto } from "./archive.js";
import { type FakeExec, numberOf } from "./execs.js";
import { streamFrames, writeAll } from "./frames.js";
import type { FakeMachine } from "./machine.js";
import { connectPort } from "./ports.js";
import { findUser } from "./users.js";
import { mountFakeVolume, syncFakeVolumes, unmountFakeVolume } from "./volumes.js";
import { watchFiles } from "./watch.js";

export interface Request {
  readonly machine: FakeMachine;
  readonly stream: ServerHttp2Stream;
  readonly query: URLSearchParams;
  /** What the path's pattern caught. */
  readonly id: string;
  readonly signal: AbortSignal;
}

/** Answers with JSON by what it returns, or with bytes by writing them itself and returning nothing. */
type Route = (request: Request) => unknown;

const side = z.number().int().min(1).max(4_096);
const TerminalSize = z.strictObject({ rows: side, columns: side });

const Spec: z.ZodType<ExecSpec & { attach: boolean }> = z.strictObject({
  id: z.uuid(),
  argv: z.array(z.string()).min(1),
  environment: z.record(z.string(), z.string()),
  workingDirectory: z.string().exactOptional(),
  user: z.string().exactOptional(),
  stdin: z.boolean(),
  timeoutMs: z.number().int().positive().exactOptional(),
  outputLimitBytes: z.number().int().exactOptional(),
  forget: z.boolean().exactOptional(),
  terminal: TerminalSize.exactOptional(),
  attach: z.boolean(),
});

const Renewal = z.strictObject({
  generation: z.number().int(),
  hostname: z.string(),
  machineId: z.string().regex(/^[0-9a-f]{32}$/),
  unixNanos: z.string().regex(/^\d+$/),
  entropy: z.base64().min(86),
  seeded: z.boolean(),
  environment: z.record(z.string(), z.string()),
  thaw: z.boolean(),
  certificates: z.string().exactOptional(),
});

const AddressRules = z.strictObject({
  rules: z
    .array(
      z.strictObject({
        range: z.union([z.cidrv4(), z.cidrv6()]),
        port: z.number().int().min(1).max(65_535).exactOptional(),
        action: z.enum(["Ask", "Reject"]),
      }),
    )
    .max(200),
});

const VolumeMount = z.strictObject({ serial: z.string(), path: z.string().startsWith("/"), readOnly: z.boolean() });

export const routes: Readonly<Record<string, Route>> = {
  "GET /health": ({ machine }) => machine.health(),
  "POST /renew": async (request) => request.machine.renew(await body(request, Renewal)),
  "PUT /network/addresses": async (request) => {
    request.machine.addressRules = (await body(request, AddressRules)).rules;
    return {};
  },
  "POST /freeze": async (request) => {
    await body(request, z.strictObject({ timeoutMs: z.number() }));
    request.machine.freeze();
    return { frozen: true };
  },
  "POST /thaw": ({ machine }) => machine.thaw(),
  "POST /prepare": () => ({}),
  "POST /disk": ({ machine }) => machine.openDisk(),
  "PUT /disk/layers": async ({ machine, stream }) => machine.disk.apply(await bytes(stream)),
  "POST /disk/finish": async ({ machine }) => {
    const { content, files, bytes: used } = machine.disk.finish();
    await machine.keepDisk(content);
    return { files, bytes: used };
  },
  "POST /volumes/mount": async (request) => mountFakeVolume(request.machine, await body(request, VolumeMount)),
  "POST /volumes/unmount": async (request) =>
    unmountFakeVolume(request.machine, await body(request, z.strictObject({ serial: z.string() }))),
  "POST /volumes/sync": ({ machine }) => syncFakeVolumes(machine),
  "GET /stats": ({ machine }) => machine.stats(),
  "GET /processes": ({ machine }) => ({ processes: machine.processes.list() }),
  "POST /execs": async (request) => {
    const { attach, ...spec } = await body(request, Spec);
    const exec = request.machine.execs.start(spec);
    return attach ? await streamExec(request, exec, 0) : exec.status();
  },
  "GET /execs": ({ machine }) => ({ execs: machine.execs.list() }),
  "GET /execs/:id": async (request) => await status(request),
  "GET /execs/:id/output": async (request) =>
    await streamExec(request, request.machine.execs.find(request.id), Number(request.query.get("offset") ?? 0)),
  "POST /execs/:id/stdin": async (request) => await writeStdin(request),
  "POST /execs/:id/signal": async (request) => {
    const { signal } = await body(request, z.strictObject({ signal: z.string() }));
    const exec = request.machine.execs.find(request.id);
    numberOf(signal);
    if (exec.hasEnded) throw new AlcoveError("ExecEnded", `Exec ${request.id} has ended.`);
    exec.kill(signal);
    return {};
  },
  "PUT /execs/:id/terminal": async (request) => {
    const size = await body(request, TerminalSize);
    request.machine.execs.find(request.id).resize(size);
    return {};
  },
  "DELETE /execs/:id": async ({ machine, id, query, signal }) => {
    await machine.execs.delete(id, query.get("force") === "true", signal);
    return {};
  },
  "POST /ports/:id/connect": (request) => connectPort(request),
  "GET /files": async (request) => await readFile(request),
  "PUT /files": async (request) => await writeFile(request),
  "DELETE /files": ({ machine, query }) => {
    machine.files.delete(pathOf(query), query.get("recursive") === "true");
    return {};
  },
  "GET /files/stat": ({ machine, query }) => machine.files.stat(pathOf(query), query.get("follow") === "true"),
  "GET /files/list": ({ machine, query }) => {
    const entries = machine.files.list(pathOf(query));
    return { path: pathOf(query), entries: entries.slice(0, 10_000), truncated: entries.length > 10_000 };
  },
  "GET /files/watch": async (request) => await watchFiles(request),
  "POST /files/mkdir": async (request) => {
    const shape = z.strictObject({ path: z.string(), createParents: z.boolean(), mode: z.string().optional() });
    const { path, createParents, mode } = await body(request, shape);
    request.machine.files.makeDirectory(path, { createParents, ...(mode && { mode: Number.parseInt(mode, 8) }) });
    return {};
  },
  "POST /files/symlink": async (request) => {
    const { path, target } = await body(request, z.strictObject({ path: z.string(), target: z.string() }));
    const { files } = request.machine;
    if (files.has(path)) throw new AlcoveError("FileExists", `${path} is there already.`);
    files.link(path, target);
    return {};
  },
  "POST /files/move": async (request) => {
    const shape = z.strictObject({ from: z.string(), to: z.string(), overwrite: z.boolean() });
    const { from, to, overwrite } = await body(request, shape);
    request.machine.files.move(from, to, overwrite);
    return {};
  },
  "GET /files/archive": async ({ machine, query, stream }) => {
    await sendBytes(stream, packDirectory(machine.files, pathOf(query)), {});
  },
  "PUT /files/archive": async ({ machine, query, stream }) => ({
    entries: unpackInto(machine.files, pathOf(query), await bytes(stream), query.get("user") ?? undefined),
  }),
};

async function status({ machine, id, query, signal }: Request): Promise<unknown> {
  const exec: FakeExec = machine.execs.find(id);
  const within = AbortSignal.any([signal, AbortSignal.timeout(Number(query.get("waitMs") ?? 0))]);
  await exec.ended(within).catch(() => {});
  return exec.status();
}

async function streamExec({ machine, stream, query, signal }: Request, exec: FakeExec, offset: number): Promise<void> {
  if (query.get("log") === "true") return await streamFrames(exec, offset, stream, signal, { isLog: true });
  await streamFrames(exec, offset, stream, signal);
  if (!stream.aborted) machine.execs.delivered(exec);
}

async function writeStdin({ machine, id, query, stream, signal }: Request): Promise<unknown> {
  const exec = machine.execs.find(id);
  let bytesWritten = 0;
  const refuseClosed = () => new AlcoveError("StdinClosed", `Exec ${id} has no open stdin.`);
  if (!exec.stdinOpen) throw refuseClosed();
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    if (!(await exec.write(chunk, signal))) throw refuseClosed();
    bytesWritten += chunk.length;
  }
  if (query.get("close") === "true") exec.closeStdin();
  return { bytesWritten };
}

async function readFile({ machine, query, stream }: Request): Promise<void> {
  const { content, node } = machine.files.read(pathOf(query));
  const offset = Number(query.get("offset") ?? 0);
  const part = content.subarray(offset, offset + Number(query.get("length") ?? content.length));
  await sendBytes(stream, part, {
    "x-alcove-size": content.length,
    "x-alcove-mode": node.mode.toString(8),
    "x-alcove-modified": node.modifiedMs,
    "x-alcove-version": node.version.toString(16),
  });
}

async function writeFile({ machine, query, stream }: Request): Promise<unknown> {
  const path = pathOf(query);
  const mode = query.get("mode");
  const user = query.get("user");
  const owner = user === null ? undefined : findUser(user);
  const content = await bytes(stream);
  const ownership = {
    ...(mode && { mode: Number.parseInt(mode, 8) }),
    ...(owner && { uid: owner.uid, gid: owner.gid }),
  };
  machine.files.write(path, content, ownership, query.get("createDirs") === "true");
  return { bytesWritten: content.length };
}

async function sendBytes(
  stream: ServerHttp2Stream,
  content: Buffer,
  headers: Record<string, string | number>,
): Promise<void> {
  stream.respond({ ":status": 200, ...headers });
  for (let at = 0; at < content.length && !stream.destroyed; at += 65_536)
    await writeAll(stream, content.subarray(at, at + 65_536));
  stream.end();
}

async function body<T>({ stream }: Request, shape: z.ZodType<T>): Promise<T> {
  const parsed = shape.safeParse(JSON.parse((await bytes(stream)).toString()));
  if (!parsed.success) throw new AlcoveError("InvalidRequest", z.prettifyError(parsed.error));
  return parsed.data;
}

/** All of a request's body; fails when the daemon gave it up. */
async function bytes(stream: ServerHttp2Stream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  if (stream.aborted) throw new AlcoveError("InvalidRequest", "The request broke off.");
  return Buffer.concat(chunks);
}

function pathOf(query: URLSearchParams): string {
  const path = query.get("path") ?? "";
  if (!path.startsWith("/") || path.includes("\0")) throw new AlcoveError("InvalidRequest", "path must be absolute.");
  return path;
}
