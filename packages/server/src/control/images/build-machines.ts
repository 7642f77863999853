/**
 * Machines that Dockerfiles are built in: each is a sandbox's machine of the catalogue's image `builder`, for one build. It counts in
 * admission as a sandbox does, but no row claims it: what a daemon that dies leaves is removed by the next one's recovery.
 */
import { randomUUID } from "node:crypto";
import { AlcoveError, defaultSize } from "@alcove/contract";
import type { Machine } from "../../engines/engine.js";
import type { BuildMachine, OpenBuildMachine } from "../../images/dockerfile/build-machine.js";
import { withDeadline } from "../../lib/deadline.js";
import { undone } from "../../lib/undo.js";
import { type ControlContext, demandOf } from "../context.js";
import { LogLines } from "../execs/log-lines.js";

const builder = "builder";
/** Whoever says more than this builds nothing. */
const maximumOutputBytes = 64 * 1_048_576;
const millisecondsPerMinute = 60_000;

type Context = Pick<ControlContext, "admission" | "engine" | "imageUse" | "imageBuildTimeoutMs">;

export function buildMachines(context: Context, group: string): OpenBuildMachine {
  return async (signal, onStep) => {
    const id = randomUUID();
    const { admission, engine } = context;
    onStep("Preparing the image builder, where Dockerfiles are built");
    const disk = await context.imageUse.ensure({ group, name: builder, isPublic: true }, signal);
    const onProgress = (sentence: string) => onStep(sentence);
    await engine.prepare(disk, defaultSize, { signal, onProgress });
    onStep("Waiting for room on the host");
    const demand = demandOf(context, defaultSize);
    await admission.enter({ id, group }, demand, signal);
    let machine: Machine | undefined;
    try {
      const spec = { id, disk, size: defaultSize, hostname: builder, environment: {}, generation: 1 };
      machine = await engine.start(spec, signal);
      admission.started({ id, group }, demand);
      return new SandboxedBuild(machine, signal, { id, context });
    } catch (error) {
      throw await undone(error, async () => {
        await machine?.destroy();
        admission.release(id);
      });
    }
  };
}

class SandboxedBuild implements BuildMachine {
  readonly #machine: Machine;
  readonly #deadline: ReturnType<typeof withDeadline>;
  readonly #over = new AbortController();
  readonly #release: () => void;
  readonly #unwatch: () => void;

  constructor(
    machine: Machine,
    parent: AbortSignal,
    { id, context }: { readonly id: string; readonly context: Context },
  ) {
    this.#machine = machine;
    this.#release = () => context.admission.release(id);
    this.#deadline = withDeadline(parent, context.imageBuildTimeoutMs);
    this.#deadline.signal.addEventListener("abort", () => {
      this.#over.abort(parent.aborted ? parent.reason : tooLong(context.imageBuildTimeoutMs));
    });
    if (parent.aborted) this.#over.abort(parent.reason);
    void machine.ended.then(({ message }) => this.#over.abort(lost(message)));
    this.#unwatch = machine.onHold((hold) => hold && this.#over.abort(new AlcoveError("DiskFull", hostIsFull)));
  }

  get signal(): AbortSignal {
    return this.#over.signal;
  }

  async write(path: string, content: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    await this.#machine.guest.files.write(path, content, { createDirs: true }, signal);
  }

  async unpack(path: string, archive: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    const { files } = this.#machine.guest;
    await files.makeDirectory(path, { createParents: true }, signal);
    await files.writeArchive(path, archive, {}, signal);
  }

  async read(path: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    return (await this.#machine.guest.files.read(path, {}, signal)).content;
  }

  async run(argv: readonly string[], onLine: (line: string) => void, signal: AbortSignal): Promise<number> {
    const spec = { id: randomUUID(), argv, environment: {}, workingDirectory: "/", user: "root", stdin: false };
    const lines = new LogLines();
    const tell = ({ bytes }: { readonly bytes: Uint8Array }) => onLine(Buffer.from(bytes).toString("utf8").trimEnd());
    let total = 0;
    for await (const frame of this.#machine.guest.execs.run({ ...spec, forget: true }, signal)) {
      if (frame.kind === "end") {
        for (const line of lines.rest()) tell(line);
        return frame.status.exitCode ?? signalled;
      }
      if (frame.kind !== "stdout" && frame.kind !== "stderr") continue;
      total += frame.bytes.length;
      if (total > maximumOutputBytes) throw tooMuch();
      for (const line of lines.push({ stream: frame.kind, unixMs: undefined, bytes: frame.bytes })) tell(line);
    }
    throw lost("its program has no end");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#unwatch();
    this.#deadline[Symbol.dispose]();
    try {
      await this.#machine.destroy();
    } finally {
      this.#release();
    }
  }
}

/** Of a program that a signal ended. */
const signalled = 255;
const hostIsFull = "The host's disk is full: the build could not go on.";

function lost(why: string): AlcoveError {
  return new AlcoveError("ImageNotReady", `The machine that built the image is gone: ${why}`, {
    hint: "A build that takes all of its memory ends so; otherwise build it again.",
  });
}

function tooLong(timeoutMs: number): AlcoveError {
  const minutes = Math.round((timeoutMs / millisecondsPerMinute) * 10) / 10;
  return new AlcoveError("Timeout", `The build was not done within ${minutes} minutes, and was ended.`, {
    hint: "The image's log says where it was. The configuration key imageBuildTimeoutMs is the limit.",
  });
}

function tooMuch(): AlcoveError {
  const mebibytes = maximumOutputBytes / 1_048_576;
  return new AlcoveError("ImageNotReady", `The build printed more than ${mebibytes} MiB, and was ended.`, {
    hint: "Let its steps say less.",
  });
}
