/** Every change of an image on record, with its event, in one transaction. Progress between two states is told, not recorded. */
import type { Image } from "@alcove/contract";
import type { Logger } from "pino";
import type { TakenImage } from "../../store/image-users.js";
import { type ImageRecord, publicGroup } from "../../store/images.js";
import type { Store } from "../../store/store.js";
import type { Events } from "../system/events.js";
import { toImage } from "./image-view.js";

/** Progress between two states is told at most twice a second. */
const quietMs = 500;

interface ImageView {
  /** How an image is shown to those who follow it: with what is done to it besides building. */
  show(group: string, image: Image): Image;
  /** The group has no image of this name any more. */
  forget(group: string, name: string): void;
}

export class ImageRegister {
  readonly #store: Store;
  readonly #events: Events;
  readonly #logger: Logger;
  readonly #told = new Map<string, { readonly state: string; readonly at: number }>();
  #onChange: (group: string, name: string) => void = () => undefined;
  #view: ImageView = { show: (_group, image) => image, forget: () => undefined };

  constructor(store: Store, events: Events, logger: Logger) {
    this.#store = store;
    this.#events = events;
    this.#logger = logger;
  }

  showWith(view: ImageView): void {
    this.#view = view;
  }

  /** Tells when a name may mean another content than before. */
  onChange(listener: (group: string, name: string) => void): void {
    this.#onChange = listener;
  }

  put(record: ImageRecord): void {
    this.#commit(() => {
      this.#store.images.put(record);
      this.#append(record.group, this.#view.show(record.group, toImage(record)));
    });
    this.#onChange(record.group, record.name);
  }

  remove({ group, name }: { readonly group: string; readonly name: string }): void {
    this.#told.delete(nameOf(group, name));
    this.#commit(() => {
      this.#store.images.remove(group, name);
      this.#events.append(eventGroup(group), { type: "image.deleted", name });
    });
    this.#view.forget(group, name);
    this.#onChange(group, name);
  }

  /** What a sandbox stands on, from now on. Not synced: where the host goes down before the sandbox runs it is created anew. */
  take(sandboxId: string, taken: TakenImage): void {
    this.#store.unsyncedTransaction(() => this.#store.imageUsers.take(sandboxId, taken));
  }

  /** Tells how far it is; a change of state always, others now and then. */
  tell(group: string, unshown: Image): void {
    const image = this.#view.show(group, unshown);
    const name = nameOf(group, image.name);
    const last = this.#told.get(name);
    const at = Date.now();
    if (last !== undefined && last.state === image.state && at - last.at < quietMs) return;
    this.#told.set(name, { state: image.state, at });
    try {
      this.#commit(() => this.#append(group, image));
    } catch (error) {
      this.#logger.warn({ image: image.name, err: error }, "An image's change could not be told");
    }
  }

  #append(group: string, { log: _log, ...image }: Image): void {
    this.#told.set(nameOf(group, image.name), { state: image.state, at: Date.now() });
    this.#events.append(eventGroup(group), { type: "image.changed", image });
  }

  #commit(work: () => void): void {
    this.#store.transaction(work);
    this.#events.announce();
  }
}

/** What becomes of the catalogue's images is told to every group. */
function eventGroup(group: string): string | null {
  return group === publicGroup ? null : group;
}

function nameOf(group: string, name: string): string {
  return `${group}/${name}`;
}
