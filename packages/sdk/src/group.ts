/**
 * A group, as a program sees it: one member for each noun that lives in groups.
 *
 * To add a noun of a group: 1. `src/<noun>.ts`: a class that is given a `Scope`, one method for each endpoint of the
 * contract, each a `call`  2. a member of it here  3. its public types in index.ts  4. an example in README.md, which a test
 * runs. What belongs to the whole server goes the same way into `alcove.ts`, what belongs to one sandbox into
 * `sandbox-handle.ts`.
 */
import type { AlcoveEvent } from "@alcove/contract";
import { type EventOptions, followEvents } from "./events.js";
import { Images } from "./images.js";
import { Sandboxes } from "./sandboxes.js";
import type { Scope } from "./scope.js";

export class Group {
  readonly name: string;
  readonly sandboxes: Sandboxes;
  readonly images: Images;
  readonly #scope: Scope;

  /** Made by `alcove.group(name)`. */
  constructor(scope: Scope) {
    this.name = scope.params.group;
    this.#scope = scope;
    this.sandboxes = new Sandboxes(scope);
    this.images = new Images(scope);
  }

  /** What changes in the group from now on, or behind a sequence number, until the signal aborts. */
  events(options: EventOptions = {}): AsyncIterable<AlcoveEvent> {
    return followEvents(this.#scope, options);
  }
}
