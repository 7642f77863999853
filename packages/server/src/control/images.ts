/** Images, and their preparation: the image by its recipe, then the engine's template of the default size. */
import { AlcoveError, defaultSize, type Image } from "@alcove/contract";
import type { ControlContext } from "./context.js";
import type { ImageControl } from "./control.js";
import { requireDiskSpace } from "./disk-space.js";
import type { EngineReadiness } from "./engine-readiness.js";

export function imageControl(context: ControlContext, readiness: EngineReadiness): ImageControl {
  const preparations = new Map<string, Preparation>();
  const { gate, images } = context;
  const merged = (image: Image): Image => preparations.get(image.name)?.show(image) ?? image;
  const publish = publisher(context);
  images.onChange((image) => publish(merged(image)));
  return {
    async list(group) {
      await gate.enter(group);
      return (await images.list()).map(merged);
    },
    async get(group, name) {
      await gate.enter(group);
      return merged(await images.get(name));
    },
    async prepare(group, name) {
      await gate.enter(group);
      await images.get(name);
      await readiness.require(context.stopping);
      await requireDiskSpace(context);
      const image = await images.get(name);
      if (preparations.get(name)?.isUnderWay) return merged(image);
      const onChange = async () => publish(merged(await images.get(name)));
      const preparation = new Preparation(context, { name, isBuilt: image.state === "Ready", onChange });
      preparations.set(name, preparation);
      return merged(await images.get(name));
    },
  };
}

/** The part of the whole that building is, where the image has to be built first. */
const buildShare = 0.7;
/** Until the engine says more: mostly the template is there. */
const templateStep = "Checking the template";

class Preparation {
  readonly #base: number;
  readonly #onChange: () => Promise<void>;
  readonly #context: ControlContext;
  #state: "building" | "priming" | "done" | "failed" = "building";
  #message = templateStep;
  #fraction = 0;

  constructor(
    context: ControlContext,
    subject: { readonly name: string; readonly isBuilt: boolean; readonly onChange: () => Promise<void> },
  ) {
    this.#context = context;
    this.#base = subject.isBuilt ? 0 : buildShare;
    this.#onChange = subject.onChange;
    void this.#run(subject.name);
  }

  get isUnderWay(): boolean {
    return this.#state === "building" || this.#state === "priming";
  }

  /** The image as it is to those who wait until it can be used at once. */
  show(image: Image): Image {
    if (this.#state === "done") return image;
    if (this.#state === "building" && image.state !== "Ready")
      return { ...image, progress: image.progress * this.#base };
    const state = this.#state === "failed" ? "Failed" : "Building";
    return { ...image, state, message: this.#message, progress: this.#base + (1 - this.#base) * this.#fraction };
  }

  async #run(name: string): Promise<void> {
    const { engine, images, logger, stopping } = this.#context;
    try {
      const disk = await images.ensure(name, stopping);
      await this.#move("priming", templateStep);
      const onProgress = (sentence: string, fraction: number) => {
        this.#fraction = Math.min(1, Math.max(0, fraction));
        this.#move("priming", sentence).catch(() => undefined);
      };
      await engine.prepare(disk, defaultSize, { signal: stopping, onProgress });
      await this.#move("done", "");
    } catch (error) {
      if (!stopping.aborted) logger.error({ image: name, err: error }, "An image could not be prepared");
      const message = error instanceof AlcoveError ? error.message : "Alcove failed; the daemon's log has the cause.";
      await this.#move("failed", message).catch(() => undefined);
    }
  }

  async #move(state: "priming" | "done" | "failed", message: string): Promise<void> {
    this.#state = state;
    this.#message = message;
    await this.#onChange();
  }
}

/** Progress between two states is told at most twice a second. */
const quietMs = 500;

function publisher({ events, logger, store }: ControlContext): (image: Image) => void {
  const told = new Map<string, { readonly state: string; readonly at: number }>();
  return (image) => {
    const last = told.get(image.name);
    const at = Date.now();
    if (last !== undefined && last.state === image.state && at - last.at < quietMs) return;
    told.set(image.name, { state: image.state, at });
    const { log: _log, ...shown } = image;
    try {
      store.transaction(() => events.append(null, { type: "image.changed", image: shown }));
      events.announce();
    } catch (error) {
      logger.warn({ image: image.name, err: error }, "An image's change could not be recorded");
    }
  };
}
