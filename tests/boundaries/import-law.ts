/** Who may import whom: the table of ARCHITECTURE.md, as data. A module is a folder under `src`, or a package. */

export interface Law {
  /** Modules it may import beside itself. `"*"`: everything in the server. */
  readonly mayImport: readonly string[];
}

/** In the server, engines/engine.ts stands for the engines: `engine`. One engine is `engines/NAME`. */
export const importLaw: Readonly<Record<string, Law>> = {
  contract: { mayImport: [] },
  sdk: { mayImport: ["contract"] },
  cli: { mayImport: ["sdk", "contract"] },
  mcp: { mayImport: ["sdk", "contract"] },
  portal: { mayImport: ["sdk", "contract"] },
  "server/lib": { mayImport: [] },
  "server/lifecycle": { mayImport: ["contract", "server/lib"] },
  "server/policy": { mayImport: ["contract", "server/lib"] },
  "server/host": { mayImport: ["contract", "server/lib"] },
  "server/store": { mayImport: ["contract", "server/lib"] },
  /** How processes of the daemon's own are kept, and live. */
  "server/worker-process": { mayImport: ["server/lib"] },
  "server/guest": { mayImport: ["contract", "server/worker-process", "server/lib"] },
  "server/images": { mayImport: ["contract", "server/host", "server/lib"] },
  "server/engine": { mayImport: ["contract", "server/guest"] },
  "server/engines/*": { mayImport: ["contract", "server/engine", "server/guest", "server/host", "server/lib"] },
  "server/egress": {
    mayImport: ["contract", "server/policy", "server/guest", "server/worker-process", "server/lib"],
  },
  "server/ingress": {
    mayImport: ["contract", "server/policy", "server/guest", "server/worker-process", "server/lib"],
  },
  "server/control": {
    mayImport: [
      "contract",
      ...["engine", "lifecycle", "policy", "store", "guest", "images", "egress", "ingress", "lib"].map(inServer),
    ],
  },
  "server/http": { mayImport: ["contract", "server/control", "server/lib"] },
  "server/compat/*": { mayImport: ["contract", "server/control", "server/lib"] },
  /** Files of `src` itself: main.ts and what only it uses. */
  "server/main": { mayImport: ["*"] },
};

/** Built-in modules that only some places may import. */
export const guardedBuiltins: Readonly<Record<string, readonly RegExp[]>> = {
  child_process: [/^packages\/server\/src\/host\//, /^packages\/sdk\/src\/local\.ts$/],
  cluster: [],
};

function inServer(name: string): string {
  return `server/${name}`;
}
