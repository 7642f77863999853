import type { MachineSpec } from "../../engines/engine.js";

/** What a guest is told when it is renewed. */
export interface Told extends Pick<MachineSpec, "certificates"> {
  /** Beside what its maker and its image say. */
  readonly environment: Readonly<Record<string, string>>;
}
