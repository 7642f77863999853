/** What sandboxes start from, of the whole server: for its administrator. */
import {
  deleteTemplate,
  listTemplates,
  type PrunedTemplates,
  pruneTemplates,
  rebuildTemplate,
  type Template,
} from "@alcove/contract";
import { call } from "./call.js";
import type { Abortable } from "./files.js";
import type { Transport } from "./transport.js";

/**
 * @example
 * ```ts
 * import { Alcove } from "alcove";
 *
 * using alcove = new Alcove();
 * await using sandbox = await alcove.sandboxes.create({ image: "debian" });
 * for (const { image, bytes, users } of await alcove.templates.list()) console.log(image, bytes, users);
 * const { removed } = await alcove.templates.prune({ dryRun: true });
 * console.log(removed.length);
 * ```
 */
export class Templates {
  readonly #transport: Transport;

  /** Made by `new Alcove()`. */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** The most lately used first. */
  list({ signal }: Abortable = {}): Promise<Template[]> {
    return call(this.#transport, listTemplates, { params: {}, signal });
  }

  /** Answers the new one when sandboxes can start from it. */
  rebuild(key: string, { signal }: Abortable = {}): Promise<Template> {
    return call(this.#transport, rebuildTemplate, { params: { key }, body: {}, signal });
  }

  /** Refused with TemplateInUse while something stands on it. */
  async delete(key: string, { signal }: Abortable = {}): Promise<void> {
    await call(this.#transport, deleteTemplate, { params: { key }, signal });
  }

  /** Removes those that nothing stands on; with `dryRun` it only says which. */
  prune({ signal, dryRun }: Abortable & { readonly dryRun?: boolean | undefined } = {}): Promise<PrunedTemplates> {
    return call(this.#transport, pruneTemplates, { params: {}, body: { dryRun }, signal });
  }
}
