/** A Docker daemon to compare with: the one that runs, or one of our own for the length of the bench. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

export interface DockerDaemon {
  readonly socketPath: string;
  /** Ends the daemon if it is ours, and removes all it stored. */
  stop(): Promise<void>;
}

const systemSocket = "/var/run/docker.sock";
const startDeadlineMs = 30_000;

/** Answers a sentence instead where there is no Docker to compare with. */
export async function useDocker(): Promise<DockerDaemon | string> {
  if (await answers(systemSocket)) return { socketPath: systemSocket, stop: async () => undefined };
  if (process.getuid?.() !== 0) return "no Docker daemon runs, and only root can start one";
  for (const storageDriver of ["overlay2", "vfs"]) {
    const daemon = await startDaemon(storageDriver);
    if (typeof daemon !== "string") return daemon;
    if (daemon.includes("ENOENT")) return "Docker is not installed (Debian: apt-get install docker.io)";
    console.error(`dockerd with ${storageDriver}: ${daemon}`);
  }
  return "Docker is installed, but its daemon does not start here";
}

async function startDaemon(storageDriver: string): Promise<DockerDaemon | string> {
  // Beside Alcove's data, not under /tmp, which is memory on some hosts.
  const directory = await mkdtemp("/var/tmp/alcove-bench-docker-");
  const socketPath = join(directory, "docker.sock");
  const logPath = join(directory, "log");
  const log = openSync(logPath, "a");
  const child = spawn(
    "dockerd",
    [
      ...["--host", `unix://${socketPath}`, "--data-root", join(directory, "data")],
      ...["--exec-root", join(directory, "exec"), "--pidfile", join(directory, "pid")],
      ...["--storage-driver", storageDriver, "--iptables=false", "--ip6tables=false", "--bridge=none"],
    ],
    { stdio: ["ignore", log, log] },
  );
  let failure: string | undefined;
  child.once("error", (error) => (failure = error.message));
  child.once("exit", (code) => (failure ??= `it ended with code ${code}`));
  const hasEnded = () => failure !== undefined;

  const stop = async () => {
    if (!hasEnded()) {
      const exit = once(child, "exit");
      child.kill("SIGTERM");
      await exit;
    }
    await rm(directory, { recursive: true, force: true });
  };
  const deadline = performance.now() + startDeadlineMs;
  while (!hasEnded() && performance.now() < deadline) {
    if (await answers(socketPath)) return { socketPath, stop };
    await pause(100);
  }
  const lastLines = (await readFile(logPath, "utf8")).trim().split("\n").slice(-2).join(" / ");
  await stop();
  return `${failure ?? `it did not answer within ${startDeadlineMs} ms`}; its log ends with: ${lastLines}`;
}

async function answers(socketPath: string): Promise<boolean> {
  const socket = connect(socketPath);
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
