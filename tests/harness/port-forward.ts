/** `alcove port-forward` as a process of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { onTestFinished } from "vitest";
import { entries, withoutConfiguration } from "../cli/run-cli.js";
import type { TestDaemon } from "./daemon.js";

export interface Forwarded {
  readonly child: ChildProcess;
  /** Of this machine, in the order of the sandbox's. */
  readonly localPorts: readonly number[];
}

/** Ended with the test. */
export async function forwarded(
  daemon: TestDaemon,
  sandboxId: string,
  remotePorts: readonly number[],
): Promise<Forwarded> {
  const env = { ...process.env, ...withoutConfiguration, ...daemon.clientEnvironment };
  const words = ["port-forward", "-o", "json", sandboxId, ...remotePorts.map((port) => `0:${port}`)];
  const child = spawn(entries.launcher, words, { env, stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const localPorts: number[] = [];
  for (const _port of remotePorts) localPorts.push(JSON.parse((await lines.next()).value).port);
  return { child, localPorts };
}
