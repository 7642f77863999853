/**
 * Counts calls of execs, files and snapshots as use of their sandbox, from before anything is asked of it until the answer is through.
 * What only looks on is not counted: lists, single reads of an exec, logs.
 */

import type { ExecControl } from "../execs/exec-control.js";
import type { FileControl } from "../files/file-control.js";
import type { SandboxRef } from "../sandboxes/sandbox-control.js";
import type { SnapshotControl } from "../snapshots/snapshot-control.js";
import type { TerminalControl } from "../terminals/terminal-control.js";
import type { Uses } from "./uses.js";

export function countedExecs(execs: ExecControl, uses: Uses): ExecControl {
  const during = counter(uses);
  return {
    runCommand: (ref, ...rest) => during(ref, () => execs.runCommand(ref, ...rest)),
    runShellCommand: (ref, ...rest) => during(ref, () => execs.runShellCommand(ref, ...rest)),
    stream: (ref, ...rest) => whileRead(uses, ref, () => execs.stream(ref, ...rest)),
    start: (ref, ...rest) => during(ref, () => execs.start(ref, ...rest)),
    logs: (ref, ...rest) => execs.logs(ref, ...rest),
    list: (ref, ...rest) => execs.list(ref, ...rest),
    get: (ref, waitMs, signal) =>
      waitMs > 0 ? during(ref, () => execs.get(ref, waitMs, signal)) : execs.get(ref, waitMs, signal),
    attach: (ref, ...rest) => whileRead(uses, ref, () => execs.attach(ref, ...rest)),
    writeStdin: (ref, ...rest) => during(ref, () => execs.writeStdin(ref, ...rest)),
    signal: (ref, ...rest) => during(ref, () => execs.signal(ref, ...rest)),
    delete: (ref, ...rest) => during(ref, () => execs.delete(ref, ...rest)),
  };
}

export function countedFiles(files: FileControl, uses: Uses): FileControl {
  const during = counter(uses);
  return {
    async read(ref, ...rest) {
      const end = uses.begin(ref, "call");
      const file = await endingOnFailure(end, () => files.read(ref, ...rest));
      file.content.once("close", end);
      return file;
    },
    write: (ref, ...rest) => during(ref, () => files.write(ref, ...rest)),
    delete: (ref, ...rest) => during(ref, () => files.delete(ref, ...rest)),
    stat: (ref, ...rest) => during(ref, () => files.stat(ref, ...rest)),
    async watch(ref, path, options, signal) {
      const end = uses.begin(ref, "session");
      const events = await endingOnFailure(end, () => files.watch(ref, path, options, signal));
      if (signal.aborted) end();
      else signal.addEventListener("abort", end, { once: true });
      return untilRead(events, end);
    },
    symlink: (ref, ...rest) => during(ref, () => files.symlink(ref, ...rest)),
    list: (ref, ...rest) => during(ref, () => files.list(ref, ...rest)),
    makeDirectory: (ref, ...rest) => during(ref, () => files.makeDirectory(ref, ...rest)),
    move: (ref, ...rest) => during(ref, () => files.move(ref, ...rest)),
    async readArchive(ref, ...rest) {
      const end = uses.begin(ref, "call");
      const archive = await endingOnFailure(end, () => files.readArchive(ref, ...rest));
      return archive.once("close", end);
    },
    writeArchive: (ref, ...rest) => during(ref, () => files.writeArchive(ref, ...rest)),
  };
}

/** A terminal is used while something is typed or shown: one that somebody left open keeps nothing awake. */
export function countedTerminals(terminals: TerminalControl, uses: Uses): TerminalControl {
  const during = counter(uses);
  return {
    open: (ref, ...rest) => whileItFlows(uses, ref, () => terminals.open(ref, ...rest)),
    attach: (ref, ...rest) => whileItFlows(uses, ref, () => terminals.attach(ref, ...rest)),
    type: (ref, ...rest) => during(ref, () => terminals.type(ref, ...rest)),
    resize: (ref, ...rest) => during(ref, () => terminals.resize(ref, ...rest)),
  };
}

/** Of snapshots only what is done with a sandbox. */
export function countedSnapshots(snapshots: SnapshotControl, uses: Uses): SnapshotControl {
  const during = counter(uses);
  return {
    ...snapshots,
    take: (ref, ...rest) => during(ref, () => snapshots.take(ref, ...rest)),
    fork: (ref, ...rest) => during(ref, () => snapshots.fork(ref, ...rest)),
    rollback: (ref, ...rest) => during(ref, () => snapshots.rollback(ref, ...rest)),
    commit: (ref, ...rest) => during(ref, () => snapshots.commit(ref, ...rest)),
  };
}

function counter(uses: Uses) {
  return async <Result>(ref: SandboxRef, work: () => Promise<Result>): Promise<Result> => {
    const end = uses.begin(ref, "call");
    try {
      return await work();
    } finally {
      end();
    }
  };
}

async function* whileRead<Item>(uses: Uses, ref: SandboxRef, items: () => AsyncIterable<Item>) {
  const end = uses.begin(ref, "session");
  yield* untilRead(items(), end);
}

/** A call until the first item, and then each one for a moment. */
async function* whileItFlows<Item>(uses: Uses, ref: SandboxRef, items: () => AsyncIterable<Item>) {
  const end = uses.begin(ref, "call");
  try {
    for await (const item of items()) {
      end();
      uses.begin(ref, "call")();
      yield item;
    }
  } finally {
    end();
  }
}

async function* untilRead<Item>(items: AsyncIterable<Item>, end: () => void): AsyncGenerator<Item> {
  try {
    yield* items;
  } finally {
    end();
  }
}

async function endingOnFailure<Result>(end: () => void, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    end();
    throw error;
  }
}
