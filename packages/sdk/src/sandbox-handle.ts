/** One sandbox, to work with. */
import {
  type AlcoveError,
  commitSandbox,
  deleteExec,
  deleteSandbox,
  disableSandbox,
  type EgressDecisionLine,
  type EgressDecisions,
  type EgressPolicy,
  type EgressTest,
  type Exec,
  enableSandbox,
  forkSandbox,
  fromProblem,
  getConsole,
  getExec,
  getSandbox,
  type Image,
  type LogEntry,
  listExecs,
  type ProcessList,
  resumeSandbox,
  rollbackSandbox,
  type SandboxProcess,
  type Sandbox as SandboxRecord,
  type SandboxStats,
  type Snapshot,
  type StopMode,
  setLifecycle,
  stopSandbox,
  stopSandboxAsync,
  type UpdateLifecycle,
  updateSandbox,
} from "@alcove/contract";
import { ByteStream } from "./byte-stream.js";
import { call } from "./call.js";
import { type Command, type ExecOptions, type ExecOutcome, exec } from "./exec.js";
import { type AttachOptions, ExecHandle, type SpawnOptions } from "./exec-handle.js";
import { type Abortable, SandboxFiles } from "./files.js";
import { Images, type PrepareOptions } from "./images.js";
import { type LogOptions, openLogs, readLogs } from "./logs.js";
import {
  type FollowDecisions,
  followDecisions,
  readDecisions,
  replaceEgressPolicy,
  type TestEgressOptions,
  testUrl,
} from "./sandbox-egress.js";
import { type FollowOptions, followProcesses, followStats, readProcesses, readStats } from "./sandbox-insights.js";
import { SandboxPorts } from "./sandbox-ports.js";
import { SandboxTerminals } from "./sandbox-terminals.js";
import { SandboxVolumes } from "./sandbox-volumes.js";
import { type WaitOptions, waitUntilGone, waitUntilState } from "./sandbox-wait.js";
import { watchSandboxes } from "./sandbox-watch.js";
import type { SandboxAddress, Scope } from "./scope.js";
import { type SnapshotOptions, Snapshots } from "./snapshots.js";
import { TerminalHandle, type TerminalOptions } from "./terminal-handle.js";

export interface ForkOptions extends Abortable {
  /** Of the copies; those of the sandbox do not come along. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly seed?: string | undefined;
}

export interface ForkOutcome {
  readonly sandboxes: SandboxHandle[];
  /** One for each that is not there, by its number, from 0. */
  readonly errors: readonly { readonly index: number; readonly error: AlcoveError }[];
}

export interface CommitOptions extends Omit<PrepareOptions, "isPublic"> {
  /** Of the image. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

export interface StopOptions extends Abortable {
  /** Default Memory. Disk: its files alone are kept, and it boots when it is resumed. */
  readonly mode?: StopMode | undefined;
  /** Default true. */
  readonly wait?: boolean | undefined;
}

export interface ResumeOptions extends Abortable {
  /** Default: what it was stopped with. */
  readonly from?: StopMode | undefined;
}

export class SandboxHandle implements AsyncDisposable {
  readonly id: string;
  readonly group: string;
  readonly files: SandboxFiles;
  readonly volumes: SandboxVolumes;
  readonly ports: SandboxPorts;
  readonly execs: SandboxExecs;
  readonly terminals: SandboxTerminals;
  readonly #address: SandboxAddress;
  readonly #isOwned: boolean;

  /** Made by `Sandbox.create`, `get` and `connect`. */
  constructor(address: SandboxAddress, { isOwned }: { readonly isOwned: boolean }) {
    this.id = address.params.id;
    this.group = address.params.group;
    this.files = new SandboxFiles(address);
    this.volumes = new SandboxVolumes(address);
    this.ports = new SandboxPorts(address);
    this.execs = new SandboxExecs(address);
    this.terminals = new SandboxTerminals(address);
    this.#address = address;
    this.#isOwned = isOwned;
  }

  /** What the daemon has on record about it: state, size, labels and so on. */
  info({ signal }: Abortable = {}): Promise<SandboxRecord> {
    const { transport, params } = this.#address;
    return call(transport, getSandbox, { params, signal });
  }

  /**
   * Fulfils when it is in this state, with its record. WaitError when that cannot be any more (it has failed, or is gone), or
   * was not within `timeoutMs`.
   */
  waitUntil(state: SandboxRecord["state"], options: WaitOptions = {}): Promise<SandboxRecord> {
    return waitUntilState(this.#address, state, options);
  }

  /** Fulfils when nothing of it is left. */
  waitUntilDeleted(options: WaitOptions = {}): Promise<void> {
    return waitUntilGone(this.#address, options);
  }

  /** As `info`, again and again as it changes, until it is gone, the signal aborts or the iteration is left. */
  async *watch({ signal }: Abortable = {}): AsyncGenerator<SandboxRecord> {
    const read = async function* (this: SandboxHandle) {
      yield await this.info({ signal });
    }.bind(this);
    const { transport, params } = this.#address;
    const watched = { sandboxId: this.id, read, isWanted: () => true, signal };
    for await (const change of watchSandboxes({ transport, params: { group: params.group } }, watched)) {
      if (change.type === "gone") return;
      yield change.sandbox;
    }
  }

  /** Runs a shell line, or a program with arguments, and waits for its result. Aborting kills it. */
  exec(command: Command, options: ExecOptions = {}): Promise<ExecOutcome> {
    return exec(this.#address, command, options);
  }

  /** Starts a command and follows it: output as it comes, input as it goes. */
  spawn(command: Command, options: SpawnOptions = {}): Promise<ExecHandle> {
    return ExecHandle.spawn(this.#address, command, options);
  }

  /** Opens a terminal: a shell, or another program for people. It goes on when it is left. */
  terminal(options: TerminalOptions = {}): Promise<TerminalHandle> {
    return TerminalHandle.open(this.#address, options);
  }

  /** What it uses of processor, memory, disk and network; of one that does not run, what is known. Wakes nothing. */
  stats(options: Abortable = {}): Promise<SandboxStats> {
    return readStats(this.#address, options);
  }

  /** The same again and again, until it is gone, the signal aborts or the iteration is left. */
  followStats(options: FollowOptions = {}): AsyncIterable<SandboxStats> {
    return followStats(this.#address, options);
  }

  /** Its processes; none of one that does not run. Wakes nothing. */
  async processes(options: Abortable = {}): Promise<SandboxProcess[]> {
    return (await readProcesses(this.#address, options)).processes;
  }

  /** The same with its state, again and again. */
  followProcesses(options: FollowOptions = {}): AsyncIterable<ProcessList> {
    return followProcesses(this.#address, options);
  }

  /** What the program that was started with it wrote, line by line, with stream and time. Leaving the iteration ends the following. */
  logs(options: LogOptions = {}): AsyncIterable<LogEntry> {
    return readLogs(this.#address, options);
  }

  /** The same as it was written, both streams together. */
  logText(options: LogOptions = {}): Promise<ByteStream> {
    return openLogs(this.#address, options, "text");
  }

  /** The end of the guest's console, at most 64 KiB. The guest writes it: do not trust it. */
  async console({ signal }: Abortable = {}): Promise<string> {
    const { transport, params } = this.#address;
    return new ByteStream((await call(transport, getConsole, { params, signal })).body).text();
  }

  /** Merges changes into its labels: a value sets one, null takes it away. */
  setLabels(labels: Readonly<Record<string, string | null>>, { signal }: Abortable = {}): Promise<SandboxRecord> {
    const { transport, params } = this.#address;
    return call(transport, updateSandbox, { params, body: { labels }, signal });
  }

  /**
   * Changes when it is suspended and deleted by itself. A part that is given replaces that part of its policy, one that is
   * left out stays; `maximumLifetimeInSeconds: null` takes that away.
   */
  setLifecycle(policy: UpdateLifecycle, { signal }: Abortable = {}): Promise<SandboxRecord> {
    const { transport, params } = this.#address;
    return call(transport, setLifecycle, { params, body: policy, signal });
  }

  /** Replaces what it may reach, by a policy or by the name of one of the group's: in force when this answers, or from its next start. */
  setEgressPolicy(policy: EgressPolicy | string, options: Abortable = {}): Promise<SandboxRecord> {
    return replaceEgressPolicy(this.#address, policy, options);
  }

  /** What it tried to reach last, and what was decided; with `follow` each from now on. */
  egressDecisions(options?: Abortable): Promise<EgressDecisions>;
  egressDecisions(options: FollowDecisions): AsyncIterable<EgressDecisionLine>;
  egressDecisions(
    options: Abortable | FollowDecisions = {},
  ): Promise<EgressDecisions> | AsyncIterable<EgressDecisionLine> {
    return "follow" in options ? followDecisions(this.#address, options) : readDecisions(this.#address, options);
  }

  /** What would become of a request of its own, and why; nothing is sent. */
  testEgress(url: string, options: TestEgressOptions = {}): Promise<EgressTest> {
    return testUrl(this.#address, url, options);
  }

  /** Keeps disk, memory and running processes of one instant; it goes on at once. Of a stopped one, what is kept of it. */
  snapshot(options: SnapshotOptions = {}): Promise<Snapshot> {
    return new Snapshots(this.#scope).create(this.id, options);
  }

  /**
   * Copies of it, running, as it is at one instant: 1 to 100. Those that could not be created are in `errors`, the others in
   * `sandboxes`, which are yours to delete. With `seed` (64 to 1,024 hexadecimal digits) the random numbers of copy n are the
   * same in every fork.
   */
  async fork(count: number, { signal, ...options }: ForkOptions = {}): Promise<ForkOutcome> {
    const { transport, params } = this.#address;
    const { sandboxes, errors } = await call(transport, forkSandbox, { params, body: { count, ...options }, signal });
    const handle = (id: string) => new SandboxHandle({ transport, params: { ...params, id } }, { isOwned: true });
    return {
      sandboxes: sandboxes.map(({ id }) => handle(id)),
      errors: errors.map(({ index, problem }) => ({ index, error: fromProblem(problem) })),
    };
  }

  /**
   * Stops it, so that it can go on later: by default with its memory, and its programs go on in the middle of what they do.
   * Answers when it is Stopped; with `wait: false` while it is Stopping. Where it fails it runs on.
   */
  stop({ mode, wait, signal }: StopOptions = {}): Promise<SandboxRecord> {
    const { transport, params } = this.#address;
    return call(transport, wait === false ? stopSandboxAsync : stopSandbox, { params, body: { mode }, signal });
  }

  /** Answers when it is Running. `from: "Disk"` boots it, though its memory is kept. Where it fails it stays Stopped as it was. */
  resume({ from, signal }: ResumeOptions = {}): Promise<SandboxRecord> {
    const { transport, params } = this.#address;
    return call(transport, resumeSandbox, { params, body: { from }, signal });
  }

  /** Stops it if it runs; until `enable` nothing resumes it. */
  disable({ signal }: Abortable = {}): Promise<SandboxRecord> {
    const { transport, params } = this.#address;
    return call(transport, disableSandbox, { params, body: {}, signal });
  }

  /** It stays Stopped, and can be resumed again. */
  enable({ signal }: Abortable = {}): Promise<SandboxRecord> {
    const { transport, params } = this.#address;
    return call(transport, enableSandbox, { params, body: {}, signal });
  }

  /**
   * Takes it back to one of its snapshots, in place: it keeps its id, and what it was is given up. Answers when it runs. Where
   * that fails it is Stopped, and its resume tries again. `from` as `resume` takes it: Disk boots from the snapshot's disk.
   */
  rollback(snapshotId: string, { from, signal }: ResumeOptions = {}): Promise<SandboxRecord> {
    const { transport, params } = this.#address;
    return call(transport, rollbackSandbox, { params, body: { snapshotId, from }, signal });
  }

  /** Makes an image of its disk in its group, and waits until that is ready. ImageNotReady when that fails. */
  async commit(name: string, { labels, ...waiting }: CommitOptions = {}): Promise<Image> {
    const { transport, params } = this.#address;
    await call(transport, commitSandbox, { params, body: { name, labels }, signal: waiting.signal });
    return new Images(this.#scope).waitUntilReady(name, waiting);
  }

  get #scope(): Scope {
    return { transport: this.#address.transport, params: { group: this.group } };
  }

  /** Deletes it with everything in it. Succeeds when it is gone already. With `wait: false` it answers while it is Deleting. */
  async delete({ wait, signal }: Abortable & { readonly wait?: boolean | undefined } = {}): Promise<void> {
    const { transport, params } = this.#address;
    await call(transport, deleteSandbox, { params, query: { wait }, signal });
  }

  /** Deletes it if this handle created it. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isOwned) await this.delete();
  }
}

/** The commands of a sandbox, whoever started them. */
export class SandboxExecs {
  readonly #address: SandboxAddress;

  constructor(address: SandboxAddress) {
    this.#address = address;
  }

  list({ signal }: Abortable = {}): Promise<Exec[]> {
    const { transport, params } = this.#address;
    return call(transport, listExecs, { params, signal });
  }

  /** One of them; with `waitMs`, when it has ended or so much time has passed. */
  get(execId: string, { waitMs, signal }: Abortable & { readonly waitMs?: number } = {}): Promise<Exec> {
    const { transport, params } = this.#address;
    return call(transport, getExec, { params: { ...params, execId }, query: { waitMs }, signal });
  }

  /** Follows one of them from an offset of its output. */
  attach(execId: string, options: AttachOptions = {}): Promise<ExecHandle> {
    return ExecHandle.attach(this.#address, execId, options);
  }

  /** Ends it with all that it started, and forgets it: politely, or at once with `force`. */
  async delete(execId: string, { force, signal }: Abortable & { readonly force?: boolean } = {}): Promise<void> {
    const { transport, params } = this.#address;
    await call(transport, deleteExec, { params: { ...params, execId }, query: { force }, signal });
  }
}
