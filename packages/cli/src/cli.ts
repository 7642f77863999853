/** What commands work with: the terminal, the way to the daemon, and the signal of Ctrl-C. The SDK is loaded when it is needed. */

import { once } from "node:events";
import { connect } from "node:net";
import type { Sandbox as SandboxRecord } from "@alcove/contract";
import type { Alcove, Sandbox } from "alcove";
import { UsageError } from "./exit-codes.js";
import type { Terminal } from "./terminal.js";

export interface Cli extends Disposable {
  readonly terminal: Terminal;
  /** Aborts with Ctrl-C and SIGTERM, unless a command has taken the signals. */
  readonly signal: AbortSignal;
  /** The daemon of this machine, started if need be. */
  alcove(): Promise<Alcove>;
  /** The daemon, or undefined when none runs. */
  runningAlcove(): Promise<Alcove | undefined>;
  /** The sandbox whose id begins with the text. */
  sandbox(text: string): Promise<Sandbox>;
  listSandboxes(labels?: Readonly<Record<string, string>>): Promise<SandboxRecord[]>;
  /** Until the answer is disposed of, signals go to the listener instead. */
  takeSignals(listener: (name: NodeJS.Signals) => void): Disposable;
}

const signalNames = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;
const idPattern = /^[0-9a-f]{1,8}(?:-[0-9a-f-]*)?$/;
const idLength = 36;

export function openCli(terminal: Terminal): Cli {
  const interruption = new AbortController();
  const abort = (name: NodeJS.Signals) => interruption.abort(new Error(`interrupted by ${name}`));
  let listener = abort;
  const onSignal = (name: NodeJS.Signals) => listener(name);
  for (const name of signalNames) process.on(name, onSignal);

  let opened: Alcove | undefined;
  const alcove = async () => {
    const { Alcove, startLocalDaemon } = await import("alcove");
    if (!(await daemonListens())) {
      terminal.progress("Starting the daemon …");
      await startLocalDaemon();
      terminal.endProgress();
    }
    opened ??= new Alcove({ autoStart: false });
    return opened;
  };

  return {
    terminal,
    signal: interruption.signal,
    alcove,
    runningAlcove: async () => ((await daemonListens()) ? alcove() : undefined),
    async sandbox(text) {
      checkIdPrefix(text);
      return findSandbox(await alcove(), text, interruption.signal);
    },
    async listSandboxes(labels) {
      const found: SandboxRecord[] = [];
      const filter = labels === undefined ? {} : { labels };
      for await (const sandbox of (await alcove()).sandboxes.list({ ...filter, signal: interruption.signal })) {
        found.push(sandbox);
      }
      return found;
    },
    takeSignals(taker) {
      listener = taker;
      return {
        [Symbol.dispose]() {
          listener = abort;
        },
      };
    },
    [Symbol.dispose]() {
      for (const name of signalNames) process.off(name, onSignal);
      opened?.[Symbol.dispose]();
    },
  };
}

async function daemonListens(): Promise<boolean> {
  const { localSocketPath } = await import("alcove");
  const socket = connect(localSocketPath());
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

function checkIdPrefix(text: string): void {
  if (!idPattern.test(text)) {
    throw new UsageError(
      `${JSON.stringify(text)} is not the beginning of a sandbox's id.`,
      "`alcove list` shows the ids.",
    );
  }
}

async function findSandbox(alcove: Alcove, text: string, signal: AbortSignal): Promise<Sandbox> {
  if (text.length === idLength) return alcove.sandboxes.connect(text);
  const ids: string[] = [];
  for await (const { id } of alcove.sandboxes.list({ signal })) if (id.startsWith(text)) ids.push(id);
  const [only] = ids;
  if (only !== undefined && ids.length === 1) return alcove.sandboxes.connect(only);
  const seen =
    ids.length === 0 ? `No sandbox's id begins with ${text}.` : `${ids.length} sandboxes' ids begin with ${text}.`;
  const hint = ids.length === 0 ? "`alcove list` shows the ids." : `Write more of it: ${ids.slice(0, 5).join(", ")}.`;
  throw Object.assign(new Error(seen), { hint });
}
