/** What a route needs to know of a connection that is to be made, and what it makes. */
import type { Socket } from "node:net";
import type { Resolution } from "./resolution.js";

export interface Dialling {
  readonly host: string;
  readonly port: number;
  readonly resolution: Resolution;
  readonly overrides: Readonly<Record<string, string>>;
  /** Whether the policy of this instant lets the server have the address. */
  readonly mayReach: (address: string) => boolean;
}

export interface Dialled {
  /** Half-closes by itself only when it is told to. */
  readonly socket: Socket;
  /** Undefined where a proxy was told the name. */
  readonly address: string | undefined;
}
