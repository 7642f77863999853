/**
 * The daemon's side of the agent (agent/PROTOCOL.md), in the domain's words. Everything that comes from a guest is
 * hostile: each answer is parsed with bounds and a deadline, and a guest that lies gets `GuestUnresponsive`.
 *
 * Errors: AlcoveError with the contract's codes; GuestUnresponsive when the agent breaks the protocol or is silent.
 */
import type { Socket } from "node:net";
import type { Duplex, Readable } from "node:stream";
import type { Entry, FileEvent, GuestStats, SandboxProcess, TerminalSize } from "@alcove/contract";

/** How to open one of the channel's two streams anew; engines hand this to `connectGuest`. */
export type OpenStream = (name: "agent" | "host", signal: AbortSignal) => Promise<Duplex>;

export interface Guest {
  health(signal: AbortSignal): Promise<{
    readonly version: string;
    readonly generation: number;
    readonly bootId: string;
    readonly uptimeMs: number;
  }>;
  renew(renewal: Renewal, signal: AbortSignal): Promise<void>;
  /** Mounts the root disk and warms it: only while a template is made. */
  prepare(
    preparation: { readonly diskBytes: number; readonly warm: readonly (readonly string[])[] },
    signal: AbortSignal,
  ): Promise<void>;
  /** In place of those of before; at most 200. Another generation begins without. Errors: InvalidRequest also of an agent that does not know the call. */
  setAddressRules(rules: readonly AddressRule[], signal: AbortSignal): Promise<void>;
  freeze(timeoutMs: number, signal: AbortSignal): Promise<boolean>;
  thaw(signal: AbortSignal): Promise<void>;
  stats(signal: AbortSignal): Promise<GuestStats>;
  processes(signal: AbortSignal): Promise<readonly SandboxProcess[]>;
  readonly execs: GuestExecs;
  readonly files: GuestFiles;
  readonly disk: GuestDisk;
  readonly volumes: GuestVolumes;
  readonly ports: GuestPorts;
  /** Ends the session on the channel; nothing inside the guest ends with it. */
  close(): Promise<void>;
}

export interface Renewal {
  readonly generation: number;
  readonly hostname: string;
  /** 32 hexadecimal digits. */
  readonly machineId: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly thaw: boolean;
  /** PEM: whom programs shall believe beside what the image says. Left out: what an earlier renewal said is over. */
  readonly certificates?: string;
  /** In place of bytes of the host, so that a run can be repeated: at least 64. Programs are told what follows from them. */
  readonly entropy?: Uint8Array;
}

/** Which connections the guest refuses by itself. The first for an address and port counts; what none is for is handed to the gateway. */
export interface AddressRule {
  readonly range: string;
  /** Left out: all. */
  readonly port?: number;
  readonly action: "Ask" | "Reject";
}

export interface ExecSpec {
  readonly id: string;
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly workingDirectory?: string;
  readonly user?: string;
  readonly stdin: boolean;
  readonly timeoutMs?: number;
  readonly outputLimitBytes?: number;
  /** It deletes itself once its end was delivered. */
  readonly forget?: boolean;
  /** A terminal of this size is its input and output; there is no stderr then. */
  readonly terminal?: TerminalSize;
}

export interface ExecStatus {
  readonly id: string;
  readonly argv: readonly string[];
  readonly pid: number;
  readonly state: "Running" | "Exited";
  readonly exitCode?: number;
  readonly signal?: string;
  readonly timedOut: boolean;
  readonly startedAtUnixMs: number;
  readonly endedAtUnixMs?: number;
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
  /** Of both streams. */
  readonly droppedBytes: number;
  /** Those of stderr among them. */
  readonly stderrDroppedBytes: number;
  readonly stdinOpen: boolean;
  readonly durationMs: number;
  readonly terminal?: TerminalSize;
}

export type OutputFrame =
  | { readonly kind: "status"; readonly status: ExecStatus }
  | { readonly kind: "stdout" | "stderr"; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly kind: "gap"; readonly from: number; readonly to: number }
  /** The sandbox stood still here. */
  | { readonly kind: "interrupted"; readonly stoppedAtUnixMs: number; readonly resumedAtUnixMs: number }
  | { readonly kind: "end"; readonly status: ExecStatus };

/** Output of which it is known when it was read: a `time` holds for what follows it. */
export type LogFrame = OutputFrame | { readonly kind: "time"; readonly unixMs: number };

export interface GuestExecs {
  /** Starts an exec and leaves it to itself. */
  start(spec: ExecSpec, signal: AbortSignal): Promise<ExecStatus>;
  /** Starts an exec and follows it, in one round trip. First frame `status`, last `end`. Aborting ends the following, not the exec. Not reading holds the exec back. */
  run(spec: ExecSpec, signal: AbortSignal): AsyncIterable<OutputFrame>;
  /** Follows an exec from an offset of its output. */
  attach(id: string, offset: number, signal: AbortSignal): AsyncIterable<OutputFrame>;
  /** As `attach`, looking on: the exec never waits for this reader, who finds gaps where it was too slow. */
  log(id: string, offset: number, signal: AbortSignal): AsyncIterable<LogFrame>;
  list(signal: AbortSignal): Promise<readonly ExecStatus[]>;
  /** With waitMs it answers when the exec has ended or the time is over. */
  get(id: string, waitMs: number, signal: AbortSignal): Promise<ExecStatus>;
  writeStdin(
    id: string,
    input: AsyncIterable<Uint8Array>,
    options: { readonly close: boolean },
    signal: AbortSignal,
  ): Promise<number>;
  signal(id: string, name: string, signal: AbortSignal): Promise<void>;
  /** Gives its terminal another size. Errors: InvalidRequest where it has none. */
  resize(id: string, size: TerminalSize, signal: AbortSignal): Promise<void>;
  delete(id: string, options: { readonly force: boolean }, signal: AbortSignal): Promise<void>;
}

export interface GuestFiles {
  read(
    path: string,
    range: { readonly offset?: number; readonly length?: number },
    signal: AbortSignal,
  ): Promise<{
    readonly sizeBytes: number;
    readonly mode: string;
    /** Another one when the content is another. */
    readonly version: string;
    readonly content: Readable;
  }>;
  write(path: string, content: AsyncIterable<Uint8Array>, options: WriteOptions, signal: AbortSignal): Promise<number>;
  delete(path: string, options: { readonly recursive: boolean }, signal: AbortSignal): Promise<void>;
  /** Of a link the link itself, unless it shall be followed. */
  stat(path: string, signal: AbortSignal, options?: { readonly followSymlinks: boolean }): Promise<Entry>;
  /** Fulfils when changes are seen; ends when what is watched is gone. Goes on when the channel was lost, with an overflow. */
  watch(path: string, options: { readonly recursive: boolean }, signal: AbortSignal): Promise<AsyncIterable<FileEvent>>;
  symlink(path: string, target: string, signal: AbortSignal): Promise<void>;
  list(
    path: string,
    signal: AbortSignal,
  ): Promise<{ readonly path: string; readonly entries: readonly Entry[]; readonly truncated: boolean }>;
  makeDirectory(
    path: string,
    options: { readonly createParents: boolean; readonly mode?: string },
    signal: AbortSignal,
  ): Promise<void>;
  move(from: string, to: string, options: { readonly overwrite: boolean }, signal: AbortSignal): Promise<void>;
  readArchive(path: string, signal: AbortSignal): Promise<Readable>;
  writeArchive(
    path: string,
    content: AsyncIterable<Uint8Array>,
    options: { readonly user?: string },
    signal: AbortSignal,
  ): Promise<number>;
}

export interface WriteOptions {
  readonly mode?: string;
  readonly user?: string;
  readonly createDirs: boolean;
}

/** Data disks, by the serial numbers of the slots that they are behind. Errors: InvalidRequest, also of an agent that knows no volumes; VolumeBusy. */
export interface GuestVolumes {
  /** Does nothing where it is mounted there already. */
  mount(
    mount: { readonly serial: string; readonly path: string; readonly readOnly: boolean },
    signal: AbortSignal,
  ): Promise<void>;
  /** Writes everything to the disk. Does nothing where it is not mounted. */
  unmount(serial: string, signal: AbortSignal): Promise<void>;
  /** Writes everything to the disks. */
  sync(signal: AbortSignal): Promise<void>;
}

export interface GuestPorts {
  /**
   * A connection to what listens on TCP there, by whatever address. The signal ends the connecting. Errors: PortRefused, PortTimedOut,
   * TooManyRequests.
   */
  connect(port: number, signal: AbortSignal): Promise<Duplex>;
  /** A socket, unread, on which another process can make such connections and nothing else: `portSession`. It ends with the session of the channel. */
  openLine(signal: AbortSignal): Promise<Socket>;
}

/** The root disk of a machine that builds an image; no other machine takes these calls. */
export interface GuestDisk {
  /** Mounts it, beside everything else. */
  open(signal: AbortSignal): Promise<void>;
  /** Unpacks one layer, a tar that is not compressed, over what is there. */
  apply(
    layer: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<{ readonly entries: number; readonly bytes: number }>;
  /** Adds what every sandbox needs, syncs and unmounts; answers what is used of it. */
  finish(signal: AbortSignal): Promise<{ readonly files: number; readonly bytes: number }>;
}
