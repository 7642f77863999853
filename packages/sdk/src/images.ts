/** What sandboxes start from. */
import { AlcoveError, getImage, type Image, listImages, prepareImage } from "@alcove/contract";
import { call } from "./call.js";
import { openEvents } from "./events.js";
import type { Abortable } from "./files.js";
import type { Scope } from "./scope.js";

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
  async prepare(name: string, { signal, onProgress }: PrepareOptions = {}): Promise<Image> {
    const { transport } = this.#scope;
    const params = { ...this.#scope.params, name };
    for (;;) {
      const watching = new AbortController();
      const signals = [watching.signal, ...(signal === undefined ? [] : [signal])];
      try {
        const events = await openEvents(this.#scope, { signal: AbortSignal.any(signals) });
        const image = await call(transport, prepareImage, { params, body: {}, signal });
        onProgress?.(image);
        if (image.state === "Ready") return image;
        for await (const event of events) {
          if (event.type !== "image.changed" || event.image.name !== name) continue;
          onProgress?.(event.image);
          if (event.image.state === "Ready") return event.image;
          if (event.image.state === "Failed") throw await failure(this.get(name, { signal }));
        }
      } finally {
        watching.abort();
      }
    }
  }
}

async function failure(reading: Promise<Image>): Promise<AlcoveError> {
  const { name, message, log } = await reading;
  const end = log?.trimEnd().split("\n").slice(-5).join("\n") ?? "";
  return new AlcoveError("ImageNotReady", `The image ${name} could not be built: ${message}${end && `\n${end}`}`);
}
