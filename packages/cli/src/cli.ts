/** What commands work with: the terminal, the settings, the way to the server, and the signal of Ctrl-C. The SDK is loaded when it is needed. */

import { once } from "node:events";
import { connect } from "node:net";
import type { Sandbox as SandboxRecord } from "@alcove/contract";
import type { Alcove, Sandbox } from "alcove";
import { type ConfigFile, checkSetting, readConfig } from "./config/config-file.js";
import { resolveSettings, type Settings } from "./config/settings.js";
import { alcoveOptions, checkSettings, isLocal } from "./connection.js";
import { report } from "./failure.js";
import { type OutputFormat, outputFormats } from "./output/format.js";
import { type Output, openOutput } from "./output/output.js";
import { findByLabels, findSandbox, labelsOf } from "./sandbox-name.js";
import { openSignals, type SignalListener } from "./signals.js";
import type { Terminal } from "./terminal.js";
import { tellRequests } from "./verbose.js";

/** The options of the command that runs, by commander's names. */
export type Flags = Readonly<Record<string, unknown>>;

export interface Cli extends Disposable {
  readonly terminal: Terminal;
  /** Results in the format that was asked for. */
  readonly output: Output;
  /** Aborts with Ctrl-C and SIGTERM, unless a command has taken the signals, and when nobody reads the results. */
  readonly signal: AbortSignal;
  /** Whether more is told than what was asked for: `--verbose`. */
  readonly isVerbose: boolean;
  /** Called before the command's action. */
  setFlags(flags: Flags): void;
  /** Flags, environment and file made one, and checked. */
  settings(): Settings;
  /** The same without the checks, and the file: for the commands that show and mend them. */
  readSettings(): { readonly settings: Settings; readonly config: ConfigFile };
  /** The server of the settings; the daemon of this machine is started if need be. */
  alcove(): Promise<Alcove>;
  /** The server, or undefined when it is this machine's daemon and does not run. */
  runningAlcove(): Promise<Alcove | undefined>;
  /** The sandbox whose id begins with the text, or the only one that has its labels (`key=value`). */
  sandbox(text: string): Promise<Sandbox>;
  /** The same for verbs that take several: of labels, all that have them. */
  sandboxes(text: string): Promise<Sandbox[]>;
  listSandboxes(labels?: Readonly<Record<string, string>>): Promise<SandboxRecord[]>;
  /** Until the answer is disposed of, signals go to the listener instead. */
  takeSignals(listener: SignalListener): Disposable;
  /** Why results cannot be written: a full disk. */
  outputFailure(): Error | undefined;
  /** As Ctrl-C does, for whoever has taken the signals: the command ends with 130 when it has ended what it began. */
  interrupt(): void;
  /** Tells a failure: an error, a hint. */
  report(failure: unknown): void;
}

export function openCli(terminal: Terminal): Cli {
  const signals = openSignals(terminal);
  let flags: Flags = {};
  let opened: Alcove | undefined;

  const readSettings = () => {
    const config = readConfig();
    return { config, settings: resolveSettings({ flags, environment: process.env, ...config }) };
  };
  const settings = () => {
    const read = readSettings();
    checkSettings(read.settings, read.config);
    return read.settings;
  };
  const alcove = async () => {
    if (opened !== undefined) return opened;
    const wanted = settings();
    const { Alcove, localSocketPath, startLocalDaemon } = await import("alcove");
    if (isLocal(wanted) && !(await daemonListens())) {
      terminal.progress("Starting the daemon …");
      await startLocalDaemon();
      terminal.endProgress();
    }
    const onRequest = flags.verbose === true ? tellRequests(terminal, wanted) : undefined;
    opened ??= new Alcove({ ...alcoveOptions(wanted, localSocketPath), onRequest });
    return opened;
  };

  return {
    terminal,
    signal: signals.signal,
    get isVerbose() {
      return flags.verbose === true;
    },
    setFlags(found) {
      flags = found;
    },
    get output() {
      // Alone, so that what is wrong with the others can be shown.
      const { value = "", source } = readSettings().settings.output;
      checkSetting("output", value, source);
      return openOutput(terminal, { format: value as OutputFormat, isQuiet: flags.quiet === true });
    },
    settings,
    readSettings,
    alcove,
    runningAlcove: async () => (!isLocal(settings()) || (await daemonListens()) ? alcove() : undefined),
    sandbox: async (text) => findSandbox(alcove, text, signals.signal),
    async sandboxes(text) {
      const labels = labelsOf(text);
      if (labels === undefined) return [await findSandbox(alcove, text, signals.signal)];
      return findByLabels(alcove, labels, signals.signal);
    },
    async listSandboxes(labels) {
      const found: SandboxRecord[] = [];
      const filter = labels === undefined ? {} : { labels };
      for await (const sandbox of (await alcove()).sandboxes.list({ ...filter, signal: signals.signal })) {
        found.push(sandbox);
      }
      return found;
    },
    takeSignals: signals.take,
    interrupt: signals.interrupt,
    outputFailure: signals.outputFailure,
    report: (failure) => report(failure, terminal, errorFormat(readSettings, flags)),
    [Symbol.dispose]() {
      signals[Symbol.dispose]();
      opened?.[Symbol.dispose]();
    },
  };
}

/** The format of results holds for errors too, also for the error that the settings cannot be read. */
function errorFormat(readSettings: Cli["readSettings"], flags: Flags): OutputFormat {
  try {
    const { value } = readSettings().settings.output;
    return outputFormats.find((format) => format === value) ?? "table";
  } catch {
    return outputFormats.find((format) => format === flags.output) ?? "table";
  }
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
