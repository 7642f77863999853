import type { Transport } from "./transport.js";

/** Which sandbox, and the way to it. */
export interface SandboxAddress {
  readonly transport: Transport;
  readonly params: { readonly group: string; readonly id: string };
}
