/** The engine under test, one machine that most cases share, and short ways to say what cases do with them. */
import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import type { ExecSpec, ExecStatus, OutputFrame } from "../../guest/guest.js";
import type { Engine, Machine, MachineOrigin } from "../engine.js";
import type { EngineUnderTest, SuiteOptions } from "../suite.js";

export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly frames: readonly OutputFrame[];
  readonly end: ExecStatus;
}

export class Subject {
  readonly titles: string[] = [];
  readonly #options: SuiteOptions;
  #under: EngineUnderTest | undefined;
  #engine: Engine | undefined;
  #shared: Machine | undefined;

  constructor(options: SuiteOptions) {
    this.#options = options;
  }

  async begin(under: EngineUnderTest, timeoutMs: number): Promise<void> {
    this.#under = under;
    this.#engine = await under.createEngine();
    await this.engine.prepare(under.disk, under.size, { signal: AbortSignal.timeout(timeoutMs) });
    this.#shared = await this.start();
  }

  async end(): Promise<void> {
    await this.#shared?.destroy();
    await this.#engine?.close();
    await this.#under?.dispose();
  }

  get under(): EngineUnderTest {
    if (this.#under === undefined) throw new Error("the suite has not begun");
    return this.#under;
  }

  get engine(): Engine {
    if (this.#engine === undefined) throw new Error("the suite has not begun");
    return this.#engine;
  }

  /** Most cases share one machine; they leave nothing behind that another would see. */
  get machine(): Machine {
    if (this.#shared === undefined) throw new Error("the suite has not begun");
    return this.#shared;
  }

  /** Takes an engine that has adopted the shared machine for the one before, which was closed: a channel has one daemon. */
  continueWith(engine: Engine, adopted: readonly Machine[]): void {
    this.#engine = engine;
    this.#shared = adopted.find(({ id }) => id === this.#shared?.id);
  }

  /** Ends with the case's own time. */
  signal(): AbortSignal {
    return AbortSignal.timeout(this.#options.timeoutMs);
  }

  case(title: string, run: () => Promise<void>): void {
    this.titles.push(title);
    const reason = this.#options.skip?.[title];
    if (reason === undefined) test(title, run, this.#options.timeoutMs);
    else test.skip(`${title} (skipped: ${reason})`, run);
  }

  /** Starts a machine of its own for a case. */
  start(
    id: string = randomUUID(),
    signal = this.signal(),
    engine = this.engine,
    disk = this.under.disk,
  ): Promise<Machine> {
    const { size } = this.under;
    const identity = { hostname: `host-${id.slice(0, 8)}`, generation: 1 };
    return engine.start({ id, disk, size, ...identity, environment: { FROM_SANDBOX: "yes" } }, signal);
  }

  /** Starts a machine that goes on from what was kept. */
  startFrom(origin: MachineOrigin, machine: { readonly id: string; readonly generation: number }): Promise<Machine> {
    const { disk, size } = this.under;
    const identity = { hostname: `host-${machine.id.slice(0, 8)}`, environment: { FROM_SANDBOX: "yes" } };
    return this.engine.start({ ...machine, ...identity, disk, size, origin }, this.signal());
  }

  /** Runs a program to its end and collects its output. */
  async run(argv: readonly string[], options: Partial<ExecSpec> = {}, machine = this.machine): Promise<Outcome> {
    return await collect(machine.guest.execs.run(specOf(argv, options), this.signal()));
  }

  async shell(script: string, options: Partial<ExecSpec> = {}, machine = this.machine): Promise<Outcome> {
    return await this.run(["sh", "-c", script], options, machine);
  }

  /** Starts a shell script and leaves it to itself. */
  async detach(script: string, options: Partial<ExecSpec> = {}, machine = this.machine): Promise<ExecStatus> {
    return await machine.guest.execs.start(specOf(["sh", "-c", script], options), this.signal());
  }
}

export function specOf(argv: readonly string[], options: Partial<ExecSpec> = {}): ExecSpec {
  return { id: randomUUID(), argv, environment: {}, stdin: false, ...options };
}

/** Reads an exec's frames to the end and checks what holds for all: status first, end last, offsets without a hole. */
export async function collect(frames: AsyncIterable<OutputFrame>): Promise<Outcome> {
  const seen: OutputFrame[] = [];
  for await (const frame of frames) seen.push(frame);
  const end = seen.at(-1);
  if (end?.kind !== "end") throw new Error(`the last frame is ${end?.kind}, not end`);
  expect(seen[0]?.kind).toBe("status");
  expectConnected(seen);
  return { stdout: textOf(seen, "stdout"), stderr: textOf(seen, "stderr"), frames: seen, end: end.status };
}

export function textOf(frames: readonly OutputFrame[], kind: "stdout" | "stderr"): string {
  return Buffer.concat(frames.flatMap((frame) => (frame.kind === kind ? [frame.bytes] : []))).toString();
}

/** Where output stops being silent: the first byte of each piece follows the last of the one before. */
function expectConnected(frames: readonly OutputFrame[]): void {
  let next: number | undefined;
  for (const frame of frames) {
    if (frame.kind === "status" || frame.kind === "end" || frame.kind === "interrupted") continue;
    const from = frame.kind === "gap" ? frame.from : frame.offset;
    if (next !== undefined) expect(from).toBe(next);
    next = frame.kind === "gap" ? frame.to : frame.offset + frame.bytes.length;
  }
}
