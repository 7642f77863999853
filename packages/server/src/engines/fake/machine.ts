/** One machine of the fake host: it lives in this process, independent of the engine that started it. */
import { randomBytes } from "node:crypto";
import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { Duplex } from "node:stream";
import { AlcoveError, type Size } from "@alcove/contract";
import type { AddressRule, OpenStream, Renewal } from "../../guest/guest.js";
import { Change } from "../../lib/change.js";
import { TailBuffer } from "../../lib/tail-buffer.js";
import { unixNanos } from "../../lib/unix-nanos.js";
import type { MachineEnd } from "../engine.js";
import { serveChannel, silentChannel } from "./channel.js";
import { FakeDisk } from "./disk.js";
import { FakeExecs } from "./execs.js";
import { FakeFileSystem } from "./file-system.js";
import { ProcessTable } from "./processes.js";
import { type Request, routes } from "./routes.js";
import type { TaskGuest } from "./task.js";
import { passwd } from "./users.js";
import type { FakeSlot } from "./volumes.js";

export type Hold = { readonly reason: "DiskFull" } | undefined;

export class FakeMachine implements TaskGuest {
  readonly id: string;
  readonly size: Size;
  readonly files: FakeFileSystem;
  readonly processes = new ProcessTable();
  readonly execs: FakeExecs;
  readonly console = new TailBuffer(65_536);
  hostname = "template";
  /** A fault: the agent hears and never answers. */
  isSilent = false;
  /** Whom its programs believe: as the last renewal said. */
  certificates: string | undefined;
  addressRules: readonly AddressRule[] = [];
  /** What is behind its spare disks, by their serial numbers. */
  readonly slots = new Map<string, FakeSlot>();
  /** What listens in it, by port: a test's own program. */
  readonly listeners = new Map<number, (connection: Duplex) => void>();
  readonly #bootId = randomBytes(8).toString("hex");
  readonly #began = performance.now();
  readonly #thawed = new Change();
  readonly #changed = new Change();
  readonly #hangUps = new Set<() => void>();
  readonly #holdListeners = new Set<(hold: Hold) => void>();
  #generation = 0;
  #isFrozen = false;
  #asleepSinceUnixMs: number | undefined;
  #hold: Hold;
  #end: MachineEnd | undefined;
  #disk: FakeDisk | undefined;
  /** Where a builder's disk goes when it is finished. */
  keepDisk: (content: Buffer) => Promise<void> = async () => undefined;

  /** On a disk that is there already, or on a new one. */
  constructor(id: string, size: Size, files?: FakeFileSystem) {
    this.id = id;
    this.size = size;
    this.execs = new FakeExecs(this);
    this.files = files ?? newFiles();
    this.console.write(Buffer.from(`fake machine ${id} is up\n`));
  }

  get end(): MachineEnd | undefined {
    return this.#end;
  }

  /** The disk of a builder. */
  get disk(): FakeDisk {
    if (this.#disk === undefined) throw new AlcoveError("InvalidRequest", "The disk is not open.");
    return this.#disk;
  }

  openDisk(): Record<string, never> {
    this.#disk ??= new FakeDisk();
    return {};
  }

  /** Opens one of the channel's streams. */
  readonly open: OpenStream = async (name, signal): Promise<Duplex> => {
    signal.throwIfAborted();
    if (this.#end !== undefined) throw new Error(`machine ${this.id} has ended`);
    const identity = { generation: this.#generation, bootId: this.#bootId };
    const isServed = name === "agent" && !this.isSilent;
    const { daemon, hangUp } = isServed
      ? serveChannel(identity, (stream, headers) => void this.#answer(stream, headers))
      : silentChannel();
    this.#hangUps.add(hangUp);
    daemon.once("close", () => this.#hangUps.delete(hangUp));
    return daemon;
  };

  /** Ends the sessions of the channel; nothing else ends with them. */
  hangUp(): void {
    for (const hangUp of this.#hangUps) hangUp();
  }

  /** Ends the machine at once, for a reason of the fault's or the owner's. */
  stop(end: MachineEnd): void {
    if (this.#end !== undefined && this.#end.reason !== "Suspended") return;
    this.#end = end;
    this.execs.killAll();
    this.hangUp();
    this.#changed.announce();
  }

  /** Stands still, off its channel, until it is woken. */
  fallAsleep(): void {
    if (this.#end !== undefined) return;
    this.freeze();
    this.#end = { reason: "Suspended", message: "It is suspended." };
    this.#asleepSinceUnixMs = Date.now();
    this.hangUp();
    this.#changed.announce();
  }

  /** Answers on its channel again; its programs go on when they are thawed. */
  wakeUp(): void {
    this.#end = undefined;
  }

  powerOff(): void {
    this.stop({ reason: "GuestExited", message: "The guest powered off." });
  }

  async ended(): Promise<MachineEnd> {
    for (;;) {
      if (this.#end !== undefined) return this.#end;
      await this.#changed.wait();
    }
  }

  /** The host holds the machine, or lets it go on. */
  setHold(hold: Hold): void {
    this.#hold = hold;
    for (const listener of this.#holdListeners) listener(hold);
    this.#thawed.announce();
  }

  onHold(listener: (hold: Hold) => void): () => void {
    this.#holdListeners.add(listener);
    if (this.#hold !== undefined) listener(this.#hold);
    return () => void this.#holdListeners.delete(listener);
  }

  async whileThawed(signal: AbortSignal): Promise<void> {
    await this.#thawed.until(() => !this.#isFrozen && this.#hold === undefined, signal);
  }

  freeze(): void {
    this.#isFrozen = true;
  }

  thaw(): Record<string, never> {
    this.#isFrozen = false;
    this.#thawed.announce();
    return {};
  }

  renew(renewal: Omit<Renewal, "entropy">): { generation: number } {
    this.hostname = renewal.hostname;
    this.files.write("/etc/machine-id", Buffer.from(`${renewal.machineId}\n`));
    this.execs.environment = renewal.environment;
    this.certificates = renewal.certificates;
    if (this.#generation !== renewal.generation) this.addressRules = [];
    this.#generation = renewal.generation;
    if (this.#asleepSinceUnixMs !== undefined) this.execs.interrupt(this.#asleepSinceUnixMs);
    this.#asleepSinceUnixMs = undefined;
    if (renewal.thaw) this.thaw();
    return { generation: renewal.generation };
  }

  health() {
    return { version: "fake", generation: this.#generation, bootId: this.#bootId, uptimeMs: this.#uptimeMs() };
  }

  stats() {
    return {
      cpuUsageUsec: Math.round(this.#uptimeMs()),
      memoryUsedBytes: 1_048_576,
      memoryTotalBytes: this.size.memoryMiB * 1_048_576,
      diskUsedBytes: 4_096,
      diskTotalBytes: this.size.diskMiB * 1_048_576,
      processCount: this.processes.list().length + 1,
      loadAverage1m: 0,
      uptimeMs: this.#uptimeMs(),
      unixNanos: unixNanos().toString(),
    };
  }

  #uptimeMs(): number {
    return performance.now() - this.#began;
  }

  async #answer(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    if (this.isSilent) return;
    const url = new URL(String(headers[":path"]), "http://agent");
    const [, noun = "", id = ""] = /^\/(execs|ports)\/([^/]+)/.exec(url.pathname) ?? [];
    const pattern = id === "" ? url.pathname : url.pathname.replace(`/${noun}/${id}`, `/${noun}/:id`);
    const gone = new AbortController();
    stream.once("close", () => gone.abort(new Error("the daemon went away")));
    const request: Request = { machine: this, stream, query: url.searchParams, id, signal: gone.signal };
    try {
      const route = routes[`${String(headers[":method"])} ${pattern}`];
      if (route === undefined) throw new AlcoveError("InvalidRequest", `There is no call ${pattern}.`);
      const answer = await route(request);
      if (answer !== undefined) answerJson(stream, 200, answer);
    } catch (error) {
      const known = error instanceof AlcoveError ? error : new AlcoveError("InternalError", String(error));
      answerJson(stream, known.status, { code: known.code, message: known.message });
    }
  }
}

function newFiles(): FakeFileSystem {
  const files = new FakeFileSystem();
  for (const path of ["/bin", "/dev/shm", "/etc", "/root", "/tmp", "/usr/sbin", "/var"])
    files.makeDirectory(path, { createParents: true });
  files.write("/etc/passwd", Buffer.from(passwd));
  files.write("/etc/machine-id", Buffer.from("\n"));
  return files;
}

function answerJson(stream: ServerHttp2Stream, status: number, answer: unknown): void {
  if (stream.destroyed || stream.headersSent) return;
  stream.respond({ ":status": status, "content-type": "application/json" });
  stream.end(JSON.stringify(answer));
}
