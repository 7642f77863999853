/**
 * Starts a program that outlives this process: a session of its own, nothing open but what it is handed. Its last words are
 * read while this process lives; afterwards it writes them to nobody.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { identifyProcess, type ProcessIdentity } from "./processes.js";

export interface DetachedProgram {
  readonly program: string;
  readonly args: readonly string[];
  /** Open files that it inherits, as its descriptors 3, 4, … */
  readonly inherited: readonly number[];
  readonly environment: Readonly<Record<string, string>>;
}

export interface SpawnedProgram {
  readonly identity: ProcessIdentity;
  /** Fulfils when it has ended, with a sentence on how; never rejects. */
  readonly ended: Promise<string>;
  /** Lets go of it: nothing of it keeps this process from ending. */
  letGo(): void;
}

const lastWordsBytes = 4096;

export async function spawnDetached(detached: DetachedProgram): Promise<SpawnedProgram> {
  const child = spawn(detached.program, [...detached.args], {
    detached: true,
    cwd: "/",
    env: { ...detached.environment },
    stdio: ["ignore", "ignore", "pipe", ...detached.inherited],
  });
  const ended = ending(child, detached.program);
  if (child.pid === undefined) throw new Error(await ended);
  const identity = await identifyProcess(child.pid);
  if (identity === undefined) throw new Error(await ended);
  const letGo = () => {
    child.unref();
    child.stderr?.destroy();
  };
  return { identity, ended, letGo };
}

function ending(child: ChildProcess, program: string): Promise<string> {
  let lastWords = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    lastWords = (lastWords + text).slice(-lastWordsBytes);
  });
  return new Promise((resolve) => {
    child.once("error", (error) => resolve(`${program} could not be started: ${error.message}`));
    child.once("close", (exitCode, signal) => {
      const how = signal === null ? `exit code ${exitCode}` : `signal ${signal}`;
      resolve(`${program} ended with ${how}${lastWords === "" ? "" : `: ${lastWords.trim()}`}`);
    });
  });
}
