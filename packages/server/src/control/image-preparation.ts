/** Preparing an image: its disk, then the engine's template of the default size, shown as one progress. */
import { AlcoveError, defaultSize, type Image } from "@alcove/contract";
import type { ControlContext } from "./context.js";
import type { NamedImage } from "./image-use.js";

/** The part of the whole that building is, where the image has to be built first. */
const buildShare = 0.7;
/** Until the engine says more: mostly the template is there. */
const templateStep = "Checking the template";

type Context = Pick<ControlContext, "engine" | "imageUse" | "logger" | "stopping">;

interface Subject {
  readonly named: NamedImage;
  readonly isBuilt: boolean;
  readonly onChange: () => Promise<void>;
}

export class Preparation {
  readonly #base: number;
  readonly #onChange: () => Promise<void>;
  readonly #context: Context;
  #state: "building" | "priming" | "done" | "failed" = "building";
  #message = templateStep;
  #fraction = 0;

  constructor(context: Context, subject: Subject) {
    this.#context = context;
    this.#base = subject.isBuilt ? 0 : buildShare;
    this.#onChange = subject.onChange;
    void this.#run(subject.named);
  }

  get isUnderWay(): boolean {
    return this.#state === "building" || this.#state === "priming";
  }

  /** The image as it is to those who wait until it can be used at once. */
  show(image: Image): Image {
    if (this.#state === "done") return image;
    if (this.#state === "building" && image.state !== "Ready") {
      return { ...image, progress: image.progress * this.#base };
    }
    const state = this.#state === "failed" ? "Failed" : "Building";
    return { ...image, state, message: this.#message, progress: this.#base + (1 - this.#base) * this.#fraction };
  }

  async #run(named: NamedImage): Promise<void> {
    const { engine, imageUse, logger, stopping } = this.#context;
    try {
      const disk = await imageUse.ensure(named, stopping);
      await this.#move("priming", templateStep);
      const onProgress = (sentence: string, fraction: number) => {
        this.#fraction = Math.min(1, Math.max(0, fraction));
        this.#move("priming", sentence).catch(() => undefined);
      };
      await engine.prepare(disk, defaultSize, { signal: stopping, onProgress });
      await this.#move("done", "");
    } catch (error) {
      if (!stopping.aborted) logger.error({ image: named.name, err: error }, "An image could not be prepared");
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
