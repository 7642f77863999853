/**
 * Starting an exec that outlives its client, and the daemon: its id is on record before the guest hears of it. Nothing of it
 * outlives the host, so nothing waits for the disk.
 */
import { AlcoveError } from "@alcove/contract";
import type { ControlContext } from "../context.js";

export interface RecordedStart {
  /** The guest has it. */
  finish(): void;
  /** The guest refused it, or may not have heard of it. */
  fail(error: unknown): void;
}

export function recordStart({ store, crashPoint }: ControlContext, sandboxId: string, execId: string): RecordedStart {
  crashPoint("exec.beforeInsert");
  const at = Date.now();
  const { isNew, entry } = store.unsyncedTransaction(() => ({
    isNew: store.execs.insert({ id: execId, sandboxId, startedAt: at }),
    entry: store.journal.begin({ operation: "exec", sandboxId, execId, step: "start", at }),
  }));
  crashPoint("exec.afterInsert");
  crashPoint("exec.beforeStart");
  return {
    finish() {
      crashPoint("exec.afterStart");
      crashPoint("exec.beforeFinish");
      store.unsyncedTransaction(() => store.journal.finish(entry));
      crashPoint("exec.afterFinish");
    },
    fail(error) {
      store.unsyncedTransaction(() => {
        store.journal.finish(entry);
        if (isNew && isRefusal(error)) store.execs.remove(sandboxId, execId);
      });
    },
  };
}

/** True when it is sure that nothing was started; where it is not, the record stays until the guest is asked. */
function isRefusal(error: unknown): boolean {
  return error instanceof AlcoveError && error.status < 500 && error.code !== "ExecExists";
}
