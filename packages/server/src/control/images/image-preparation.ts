/** Preparing an image: its disk, then the engine's template of the default size, shown as one progress. */
import { AlcoveError, defaultSize, type Image } from "@alcove/contract";
import { publicGroup } from "../../store/images.js";
import type { ControlContext } from "../context.js";
import type { NamedImage } from "./image-use.js";

/** The part of the whole that building is, where the image has to be built first. */
const buildShare = 0.7;
/** Until the engine says more: mostly the template is there. */
const templateStep = "Checking the template";

type Context = Pick<ControlContext, "engine" | "imageRegister" | "imageUse" | "logger" | "stopping">;

/** Preparations by image, under way or over; one for each at a time. They go with their image, and with the daemon. */
export class ImagePreparations {
  readonly #context: Context;
  readonly #all = new Map<string, Preparation>();
  readonly #running = new Set<Promise<void>>();

  constructor(context: Context) {
    this.#context = context;
    context.imageRegister.showWith({
      show: (group, image) => this.show(group, image),
      forget: (group, name) => this.forget(group, name),
    });
  }

  /** The image as it is to those who wait until it can be used at once. */
  show(group: string, image: Image): Image {
    return this.#all.get(keyOf(ownerOf(group, image), image.name))?.show(image) ?? image;
  }

  /** Begins, unless it is under way. */
  begin(named: NamedImage, image: Image): void {
    const { imageRegister, imageUse } = this.#context;
    const owner = ownerOf(named.group, image);
    const key = keyOf(owner, image.name);
    if (this.#all.get(key)?.isUnderWay) return;
    const onChange = async () => imageRegister.tell(owner, await imageUse.read(named));
    const preparation = new Preparation(this.#context, { named, isBuilt: image.state === "Ready", onChange });
    this.#all.set(key, preparation);
    this.#running.add(preparation.ended);
    void preparation.ended.finally(() => this.#running.delete(preparation.ended));
  }

  /** The name is deleted, or will mean another image: what is under way for it ends. */
  forget(group: string, name: string): void {
    const key = keyOf(group, name);
    this.#all.get(key)?.cancel();
    this.#all.delete(key);
  }

  async settled(): Promise<void> {
    await Promise.all(this.#running);
  }
}

function ownerOf(group: string, { isPublic }: Image): string {
  return isPublic ? publicGroup : group;
}

function keyOf(group: string, name: string): string {
  return `${group}/${name}`;
}

interface Subject {
  readonly named: NamedImage;
  readonly isBuilt: boolean;
  readonly onChange: () => Promise<void>;
}

class Preparation {
  /** Never rejects. */
  readonly ended: Promise<void>;
  readonly #base: number;
  readonly #onChange: () => Promise<void>;
  readonly #context: Context;
  readonly #cancelling = new AbortController();
  #state: "building" | "priming" | "done" | "failed" = "building";
  #message = templateStep;
  #fraction = 0;

  constructor(context: Context, subject: Subject) {
    this.#context = context;
    this.#base = subject.isBuilt ? 0 : buildShare;
    this.#onChange = subject.onChange;
    this.ended = this.#run(subject.named);
  }

  cancel(): void {
    this.#cancelling.abort(new AlcoveError("ImageNotFound", "The image was deleted or replaced meanwhile."));
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
    // The image tells itself why it could not be built; the words here are about the template.
    if (this.#state === "failed" && image.state === "Failed") return image;
    const state = this.#state === "failed" ? "Failed" : "Building";
    return { ...image, state, message: this.#message, progress: this.#base + (1 - this.#base) * this.#fraction };
  }

  async #run(named: NamedImage): Promise<void> {
    const { engine, imageUse, logger, stopping } = this.#context;
    const signal = AbortSignal.any([stopping, this.#cancelling.signal]);
    try {
      const disk = await imageUse.ensure(named, signal);
      await this.#move("priming", templateStep);
      const onProgress = (sentence: string, fraction: number) => {
        this.#fraction = Math.min(1, Math.max(0, fraction));
        this.#move("priming", sentence).catch(() => undefined);
      };
      await engine.prepare(disk, defaultSize, { signal, onProgress });
      await this.#move("done", "");
    } catch (error) {
      if (signal.aborted) return;
      logger.error({ image: named.name, err: error }, "An image could not be prepared");
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
