/** Which ports of which sandboxes one may come to, as the daemon said last. */
import { isDeepStrictEqual } from "node:util";
import type { AddPort } from "@alcove/contract";
import type { PreviewPort } from "../ingress.js";

interface Route {
  readonly ports: readonly AddPort[];
  readonly linkKey: string;
}

export interface OpenPort extends PreviewPort {
  readonly sandboxId: string;
  readonly linkKey: Buffer;
}

export class Routes {
  readonly #bySandbox = new Map<string, Route>();
  /** Ends what came by a link. */
  readonly #byLink = new Map<string, Set<() => void>>();

  /** Answers the ports that are not open any more, or to others than before: who is there has to come again. */
  put(sandboxId: string, route: Route | undefined): number[] {
    const before = this.#bySandbox.get(sandboxId);
    if (before?.linkKey !== route?.linkKey) for (const end of this.#byLink.get(sandboxId) ?? []) end();
    if (route === undefined) this.#bySandbox.delete(sandboxId);
    else this.#bySandbox.set(sandboxId, route);
    return (before?.ports ?? [])
      .filter(
        (port) =>
          !isDeepStrictEqual(
            route?.ports.find((other) => other.port === port.port),
            port,
          ),
      )
      .map(({ port }) => port);
  }

  /** `end` is called once the sandbox's links are of no use any more, until what is answered is called. */
  whileLinked(sandboxId: string, end: () => void): () => void {
    const ends = this.#byLink.get(sandboxId) ?? new Set();
    this.#byLink.set(sandboxId, ends.add(end));
    return () => {
      if (ends.delete(end) && ends.size === 0) this.#byLink.delete(sandboxId);
    };
  }

  find(sandboxId: string, port: number): OpenPort | undefined {
    const route = this.#bySandbox.get(sandboxId);
    const found = route?.ports.find((one) => one.port === port);
    return route && found && { ...found, sandboxId, linkKey: Buffer.from(route.linkKey, "base64url") };
  }
}
