import type { Transport } from "./transport.js";

/** Which group, and the way to it. */
export interface Scope {
  readonly transport: Transport;
  readonly params: { readonly group: string };
}

/** Which sandbox, and the way to it. */
export interface SandboxAddress extends Scope {
  readonly params: { readonly group: string; readonly id: string };
}
