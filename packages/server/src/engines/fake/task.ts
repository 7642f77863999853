/** What a program of the fake guest runs with. */
import type { Pipe } from "../../lib/pipe.js";
import type { FakeFileSystem } from "./file-system.js";
import type { ProcessTable } from "./processes.js";
import type { FakeTerminal } from "./terminal.js";
import type { FakeUser } from "./users.js";

export interface Task {
  readonly argv: readonly string[];
  readonly environment: Map<string, string>;
  directory: string;
  readonly user: FakeUser;
  readonly pid: number;
  readonly execId: string;
  readonly stdin: Pipe;
  readonly stdout: Sink;
  readonly stderr: Sink;
  /** Left out where input and output are pipes. */
  readonly terminal?: FakeTerminal;
  /** Aborts with `Killed`. */
  readonly signal: AbortSignal;
  readonly guest: TaskGuest;
  /** Starts another program, by its argv; a shell does little else. */
  readonly run: Program;
}

/** Takes output as fast as somebody reads it; rejects with `BrokenPipe` when nobody does. */
export type Sink = (bytes: Uint8Array) => Promise<void>;

/** The part of a machine that programs see. */
export interface TaskGuest {
  readonly files: FakeFileSystem;
  readonly processes: ProcessTable;
  readonly hostname: string;
  /** Waits while the user's processes are frozen. */
  whileThawed(signal: AbortSignal): Promise<void>;
  powerOff(): void;
}

export type Program = (task: Task) => Promise<number>;

export class BrokenPipe extends Error {
  override readonly name = "BrokenPipe";
}

export class Killed extends Error {
  override readonly name = "Killed";
  readonly signalName: string;

  constructor(signalName: string) {
    super(`killed by ${signalName}`);
    this.signalName = signalName;
  }
}

export const print = (sink: Sink, text: string): Promise<void> => sink(Buffer.from(text));
