/** What can be done about the ports of a sandbox. */
import type { Duplex } from "node:stream";
import type { AddPort, ChangePort, PortRef, PreviewLink, SandboxPort } from "@alcove/contract";
import type { SandboxRef } from "../sandboxes/sandbox-control.js";

export interface PortControl {
  list(ref: SandboxRef): Promise<SandboxPort[]>;
  add(ref: SandboxRef, port: AddPort): Promise<SandboxPort[]>;
  remove(ref: SandboxRef, which: PortRef): Promise<SandboxPort[]>;
  replace(ref: SandboxRef, ports: readonly AddPort[]): Promise<SandboxPort[]>;
  change(ref: SandboxRef, change: ChangePort): Promise<SandboxPort[]>;
  link(
    ref: SandboxRef,
    options: { readonly port: number; readonly expiresInSeconds?: number | undefined },
  ): Promise<PreviewLink>;
  /** To what listens there, whether the port is open to others or not. Wakes the sandbox; counts as use until it is closed. */
  connect(ref: SandboxRef, port: number, signal: AbortSignal): Promise<Duplex>;
}
