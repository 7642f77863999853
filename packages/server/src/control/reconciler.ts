/**
 * Closes the gap between what is wanted of a sandbox and what is (lifecycle/gap.ts says what that takes): one piece of
 * work at a time for each sandbox. When what is wanted changes meanwhile, the work under way is aborted and undone first.
 */
import { AlcoveError } from "@alcove/contract";
import { Backoff } from "../lib/backoff.js";
import { inSpan } from "../lib/tracing.js";
import { type Gap, gapOf } from "../lifecycle/gap.js";
import type { SandboxRecord } from "../store/sandboxes.js";
import type { ControlContext } from "./context.js";
import { startSandbox } from "./sandboxes/creation.js";
import { removeSandbox } from "./sandboxes/deletion.js";
import { requireEngine } from "./sandboxes/other-engine.js";
import { resumeSandbox } from "./sandboxes/resumption.js";
import { ofSandbox } from "./sandboxes/sandbox-span.js";
import { suspendSandbox } from "./sandboxes/suspension.js";

export class Reconciler {
  readonly #context: ControlContext;
  readonly #drives = new Map<string, Drive>();
  readonly #retried = new Set<string>();

  constructor(context: ControlContext) {
    this.#context = context;
    context.stopping.addEventListener("abort", () => this.#abortAll(), { once: true });
  }

  /** Ends when the sandbox is as wanted, or throws why it cannot be. Callers who want the same share the work. */
  async close(id: string): Promise<void> {
    const { store, machines, stopping } = this.#context;
    stopping.throwIfAborted();
    const record = store.sandboxes.find(id);
    const gap = record && gapOf(record, machines.isRunning(id) ? "present" : "absent");
    if (record === undefined || gap === undefined) return;
    if (gap !== "remove") requireEngine(this.#context, record);
    const drive = this.#drives.get(id);
    if (drive?.gap === gap) return drive.ended;
    if (drive === undefined) return this.#begin(record, gap).ended;
    drive.controller.abort(new AlcoveError("SandboxNotFound", `The sandbox ${id} was deleted meanwhile.`));
    await drive.ended.catch(() => undefined);
    return this.close(id);
  }

  /** As `close`, without anybody waiting. */
  closeInBackground(id: string): void {
    const { logger } = this.#context;
    this.close(id).catch((error: unknown) => logger.debug({ sandbox: id, err: error }, "A sandbox is not as wanted"));
  }

  /** Ends when nothing is under way any more. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.#drives.values()].map(({ ended }) => ended));
  }

  #begin(record: SandboxRecord, gap: Gap): Drive {
    const controller = new AbortController();
    const ended = this.#work(record, gap, controller.signal).finally(() => this.#drives.delete(record.id));
    const drive = { gap, controller, ended };
    this.#drives.set(record.id, drive);
    ended.catch((error: unknown) => {
      if (gap === "remove") this.#retry(record.id, error);
    });
    return drive;
  }

  #work(record: SandboxRecord, gap: Gap, signal: AbortSignal): Promise<void> {
    return inSpan(spanNames[gap], ofSandbox(record), () => this.#fill(record, gap, signal));
  }

  async #fill(record: SandboxRecord, gap: Gap, signal: AbortSignal): Promise<void> {
    switch (gap) {
      case "start":
        return startSandbox(this.#context, record, signal);
      case "suspend":
        return this.#inTurn(record, signal, suspendSandbox);
      case "resume":
        return this.#inTurn(record, signal, resumeSandbox);
      case "remove":
        return removeSandbox(this.#context, record);
      case "noteLoss":
        this.#context.register.apply(record.id, {
          action: "ended",
          reason: "EngineLost",
          message: "Its machine is gone.",
          at: new Date().toISOString(),
        });
    }
  }

  /** Not while a snapshot is taken of it. */
  #inTurn(record: SandboxRecord, signal: AbortSignal, work: typeof resumeSandbox): Promise<void> {
    return this.#context.sandboxTurns.take(record.id, signal, () => work(this.#context, record, signal));
  }

  /** A creation that failed is over; a deletion is never given up while the daemon runs. */
  #retry(id: string, error: unknown): void {
    const { logger, stopping } = this.#context;
    if (stopping.aborted || this.#retried.has(id)) return;
    logger.error({ sandbox: id, err: error }, "A sandbox could not be removed; it is tried again");
    this.#retried.add(id);
    void this.#untilClosed(id).finally(() => this.#retried.delete(id));
  }

  async #untilClosed(id: string): Promise<void> {
    const { stopping } = this.#context;
    const backoff = new Backoff({ firstMs: 1_000, lastMs: 60_000 });
    for (let isClosed = false; !isClosed && !stopping.aborted; ) {
      await backoff.wait(stopping).catch(() => undefined);
      isClosed = await this.close(id).then(
        () => true,
        () => false,
      );
    }
  }

  #abortAll(): void {
    for (const { controller } of this.#drives.values()) controller.abort(this.#context.stopping.reason);
  }
}

const spanNames: Readonly<Record<Gap, string>> = {
  start: "sandbox.create",
  suspend: "sandbox.suspend",
  resume: "sandbox.resume",
  remove: "sandbox.delete",
  noteLoss: "sandbox.note_loss",
};

interface Drive {
  readonly gap: Gap;
  readonly controller: AbortController;
  readonly ended: Promise<void>;
}
