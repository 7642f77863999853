/** What can be asked of the daemon itself. */
import type { Readable } from "node:stream";
import type {
  AlcoveEvent,
  Doctor,
  Health,
  Labels,
  PrunedSystem,
  PruneSystem,
  Sizes,
  Storage,
  Version,
} from "@alcove/contract";
import type { Caller } from "../../policy/access.js";

export interface EventControl {
  /** Ends with the signal, or when the daemon stops. A reader that is too slow gets a `gap`. */
  follow(
    group: string,
    after: number | undefined,
    signal: AbortSignal,
    about?: { readonly sandboxId?: string; readonly labels?: Labels },
  ): AsyncIterable<AlcoveEvent>;
}

export interface SystemControl {
  /** What is told depends on who asks: only an administrator hears of the host and of every group. */
  health(viewer: Caller): Promise<Health>;
  version(viewer: Caller | undefined): Version;
  sizes(): Sizes;
  doctor(signal: AbortSignal): Promise<Doctor>;
  storage(signal: AbortSignal): Promise<Storage>;
  prune(which: PruneSystem, signal: AbortSignal): Promise<PrunedSystem>;
  /** A tar archive of everything on record: docs/service.md says what is in it. */
  backup(): Promise<{ readonly sizeBytes: number; readonly content: Readable }>;
}
