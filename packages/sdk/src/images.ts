/** What sandboxes start from. */
import { AlcoveError, getImage, type Image, listImages, prepareImage } from "@alcove/contract";
import { call } from "./call.js";
import type { Abortable } from "./files.js";
import type { Scope } from "./scope.js";
import { until } from "./until.js";

export interface PrepareOptions extends Abortable {
  /** Called with every change while it is built. */
  readonly onProgress?: ((image: Image) => void) | undefined;
}

export class Images {
  readonly #scope: Scope;

  /** Made by `alcove.group(name)`. */
  constructor(scope: Scope) {
    this.#scope = scope;
  }

  list({ signal }: Abortable = {}): Promise<Image[]> {
    const { transport, params } = this.#scope;
    return call(transport, listImages, { params, signal });
  }

  /** One image, with the log of its build. */
  get(name: string, { signal }: Abortable = {}): Promise<Image> {
    const { transport, params } = this.#scope;
    return call(transport, getImage, { params: { ...params, name }, signal });
  }

  /** Builds an image from its recipe, if it is not built, and waits until it is ready. ImageNotReady when the build fails. */
  async prepare(name: string, options: PrepareOptions = {}): Promise<Image> {
    const { transport, params } = this.#scope;
    const request = { params: { ...params, name }, body: {}, signal: options.signal };
    const image = await call(transport, prepareImage, request);
    return image.state === "Ready" ? image : this.waitUntilReady(name, options);
  }

  /** Waits for an image whose build is under way. ImageNotReady when it fails; a state of Missing is waited out, as somebody may build it. */
  async waitUntilReady(name: string, { signal, onProgress }: PrepareOptions = {}): Promise<Image> {
    let told: string | undefined;
    const image = await until<Image>({
      scope: this.#scope,
      read: (turn) => this.get(name, { signal: turn }),
      pick: (event) => (event.type === "image.changed" && event.image.name === name ? event.image : undefined),
      isFulfilled(seen) {
        const now = `${seen.state} ${seen.progress} ${seen.message}`;
        if (now !== told) onProgress?.(seen);
        told = now;
        return seen.state === "Ready" || seen.state === "Failed";
      },
      signal: signal ?? new AbortController().signal,
    });
    if (image.state === "Failed") throw await failure(this.get(name, { signal }));
    return image;
  }
}

async function failure(reading: Promise<Image>): Promise<AlcoveError> {
  const { name, message, log } = await reading;
  const end = log?.trimEnd().split("\n").slice(-5).join("\n") ?? "";
  return new AlcoveError("ImageNotReady", `The image ${name} could not be built: ${message}${end && `\n${end}`}`);
}
