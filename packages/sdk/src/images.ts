/** What sandboxes start from. */
import { AlcoveError, getImage, type Image, listImages, prepareImage } from "@alcove/contract";
import { call } from "./call.js";
import { openEvents } from "./events.js";
import type { Abortable } from "./files.js";
import type { Transport } from "./transport.js";

export interface PrepareOptions extends Abortable {
  /** Called with every change while it is built. */
  readonly onProgress?: ((image: Image) => void) | undefined;
}

export class Images {
  readonly #transport: Transport;
  readonly #group: string;

  constructor(transport: Transport, group: string) {
    this.#transport = transport;
    this.#group = group;
  }

  list({ signal }: Abortable = {}): Promise<Image[]> {
    return call(this.#transport, listImages, { params: { group: this.#group }, signal });
  }

  /** One image, with the log of its build. */
  get(name: string, { signal }: Abortable = {}): Promise<Image> {
    return call(this.#transport, getImage, { params: { group: this.#group, name }, signal });
  }

  /** Builds an image from its recipe, if it is not built, and waits until it is ready. ImageNotReady when the build fails. */
  async prepare(name: string, { signal, onProgress }: PrepareOptions = {}): Promise<Image> {
    const params = { group: this.#group, name };
    for (;;) {
      const watching = new AbortController();
      const signals = [watching.signal, ...(signal === undefined ? [] : [signal])];
      try {
        const events = await openEvents(this.#transport, { group: this.#group, signal: AbortSignal.any(signals) });
        const image = await call(this.#transport, prepareImage, { params, body: {}, signal });
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
