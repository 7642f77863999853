/**
 * Builds under way, one for each name. A build goes on without those who asked for it, until it is done, its image is
 * deleted or the daemon stops. An image that had a disk keeps it until the new one is whole, and when that fails.
 */
import { AlcoveError } from "@alcove/contract";
import type { Logger } from "pino";
import type { BuiltImage, ImageOrder, Images } from "../../images/image.js";
import { LogRing } from "../../images/log-ring.js";
import { Backoff } from "../../lib/backoff.js";
import { untilAborted } from "../../lib/until-aborted.js";
import type { ImageRecord } from "../../store/images.js";
import type { Store } from "../../store/store.js";
import type { BuilderTurns } from "./builder-turns.js";
import type { ImageRegister } from "./image-register.js";
import { readyMessage, type Step, toImage } from "./image-view.js";

export interface ImageName {
  readonly group: string;
  readonly name: string;
}

/** What is wanted of an image, and what it is made of. */
export interface BuildRequest extends ImageName, Pick<ImageRecord, "labels" | "fingerprint" | "source"> {
  readonly order: ImageOrder;
  /** Instead of the image's own. */
  readonly override?: { readonly entrypoint?: string[] | undefined; readonly cmd?: string[] | undefined };
}

interface Build {
  readonly request: BuildRequest;
  readonly controller: AbortController;
  readonly log: LogRing;
  step: Step;
  ended: Promise<void>;
}

interface Helpers {
  readonly store: Store;
  readonly images: Images;
  readonly register: ImageRegister;
  readonly logger: Logger;
  readonly stopping: AbortSignal;
  readonly builders: BuilderTurns;
  /** Called when a build is over, with whatever it did not need any more. */
  readonly onEnd: () => void;
}

const logsKept = 64;

export class ImageBuilds {
  readonly #helpers: Helpers;
  readonly #running = new Map<string, Build>();
  readonly #logs = new Map<string, LogRing>();
  readonly #held = new Map<string, number>();

  constructor(helpers: Helpers) {
    this.#helpers = helpers;
    helpers.stopping.addEventListener("abort", () => this.#abortAll(), { once: true });
  }

  /** Records the image as Building and begins; ImageBusy where a build of the name is under way. */
  begin(request: BuildRequest): void {
    const { register, store, stopping } = this.#helpers;
    stopping.throwIfAborted();
    const id = idOf(request);
    if (this.#running.has(id)) throw new AlcoveError("ImageBusy", `The image ${request.name} is being built.`);
    const before = store.images.find(request.group, request.name);
    const step = { message: "Starting", progress: 0 };
    const record = beginning(request, before);
    register.put(record);
    const [controller, log] = [new AbortController(), new LogRing()];
    const build: Build = { request, controller, log, step, ended: Promise.resolve() };
    this.#running.set(id, build);
    this.#keepLog(id, build.log);
    build.ended = this.#run(request, { record, before, build });
  }

  /** Ends when no build of the name is under way. */
  async settled(of: ImageName, signal: AbortSignal): Promise<void> {
    await untilAborted(this.#running.get(idOf(of))?.ended ?? Promise.resolve(), signal);
  }

  /** Ends the build; what it had done is undone. */
  async abort(of: ImageName): Promise<void> {
    const build = this.#running.get(idOf(of));
    build?.controller.abort(new AlcoveError("ImageNotFound", `The image ${of.name} was deleted meanwhile.`));
    await build?.ended;
    this.#logs.delete(idOf(of));
  }

  /** The group's builds of Dockerfiles under way. */
  dockerfilesOf(group: string): number {
    const requests = [...this.#running.values()].map(({ request }) => request);
    return requests.filter((request) => request.group === group && request.order.kind === "dockerfile").length;
  }

  isRunning(of: ImageName): boolean {
    return this.#running.has(idOf(of));
  }

  step(of: ImageName): Step | undefined {
    return this.#running.get(idOf(of))?.step;
  }

  log(of: ImageName): string {
    return this.#logs.get(idOf(of))?.text() ?? "";
  }

  /** From now on until it is let go of, this content is not collected. */
  hold(key: string): Disposable {
    this.#held.set(key, (this.#held.get(key) ?? 0) + 1);
    return {
      [Symbol.dispose]: () => {
        const left = (this.#held.get(key) ?? 1) - 1;
        if (left === 0) this.#held.delete(key);
        else this.#held.set(key, left);
      },
    };
  }

  isHeld(key: string): boolean {
    return this.#held.has(key);
  }

  async allSettled(): Promise<void> {
    await Promise.all([...this.#running.values()].map(({ ended }) => ended));
  }

  async #run(
    request: BuildRequest,
    { record, before, build }: { record: ImageRecord; before: ImageRecord | undefined; build: Build },
  ): Promise<void> {
    const holds: Disposable[] = [];
    const { images, logger, register, stopping } = this.#helpers;
    const { signal } = build.controller;
    try {
      const built = await images.build(request.order, {
        signal,
        onLine: (line) => build.log.add(line),
        onStep: (step) => {
          build.step = step;
          register.tell(request.group, toImage(record, { step }));
        },
        builderTurn: (waiting, work) => this.#helpers.builders.take(request.group, waiting, work),
        onContent: (key) => void holds.push(this.hold(key)),
      });
      await this.#record(ready(request, record, built), signal);
    } catch (error) {
      if (signal.aborted || stopping.aborted) return;
      logger.warn({ image: request.name, group: request.group, err: error }, "An image could not be built");
      await this.#record(failed(record, before, error), signal).catch(() => undefined);
    } finally {
      for (const hold of holds) hold[Symbol.dispose]();
      this.#running.delete(idOf(request));
      this.#helpers.onEnd();
    }
  }

  /** A full disk may keep it from being written: tried until it is, or until the image is deleted or the daemon stops. */
  async #record(record: ImageRecord, signal: AbortSignal): Promise<void> {
    const backoff = new Backoff({ firstMs: 250, lastMs: 10_000 });
    for (;;) {
      signal.throwIfAborted();
      try {
        this.#helpers.register.put(record);
        return;
      } catch (error) {
        this.#helpers.logger.error({ image: record.name, err: error }, "An image could not be recorded; tried again");
        await backoff.wait(signal);
      }
    }
  }

  #keepLog(id: string, log: LogRing): void {
    this.#logs.delete(id);
    this.#logs.set(id, log);
    for (const oldest of [...this.#logs.keys()].slice(0, Math.max(0, this.#logs.size - logsKept))) {
      this.#logs.delete(oldest);
    }
  }

  #abortAll(): void {
    for (const { controller } of this.#running.values()) controller.abort(this.#helpers.stopping.reason);
  }
}

function idOf({ group, name }: ImageName): string {
  return `${group}/${name}`;
}

function beginning(request: BuildRequest, before: ImageRecord | undefined): ImageRecord {
  const { group, name, labels, fingerprint, source } = request;
  return {
    ...{ group, name, labels, fingerprint, source },
    ...{ state: "Building", message: "Starting", hint: undefined },
    config: before?.config ?? { entrypoint: [], cmd: [], environment: {}, exposedPorts: [] },
    contentKey: before?.contentKey ?? "",
    digest: before?.digest ?? "",
    sizeBytes: before?.sizeBytes ?? 0,
    createdAt: before?.createdAt ?? Date.now(),
    builtAt: before?.builtAt,
  };
}

function ready({ override = {} }: BuildRequest, record: ImageRecord, { content, config, source }: BuiltImage) {
  const { entrypoint, cmd } = override;
  const { key: contentKey, digest, sizeBytes } = content;
  return {
    ...record,
    ...{ state: "Ready", message: readyMessage, contentKey, digest, sizeBytes },
    source: { ...record.source, ...source },
    config: {
      ...config,
      ...(entrypoint === undefined ? {} : { entrypoint, cmd: [] }),
      ...(cmd === undefined ? {} : { cmd }),
    },
    builtAt: Date.now(),
  } as const satisfies ImageRecord;
}

function failed(record: ImageRecord, before: ImageRecord | undefined, error: unknown): ImageRecord {
  const isKnown = error instanceof AlcoveError;
  const why = isKnown ? error.message : "Alcove failed; the daemon's log has the cause.";
  const hint = isKnown ? error.hint : undefined;
  if (before === undefined || before.contentKey === "") return { ...record, state: "Failed", message: why, hint };
  return {
    ...before,
    state: "Ready",
    message: `The disk of before is kept; a new one could not be made: ${why}`,
    hint,
  };
}
