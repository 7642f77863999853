/** For tests: the real agent, in its development mode over UNIX sockets. It needs Go, and runs its programs on this machine. */
import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { waitFor } from "../lib/backoff.js";
import { openSocket } from "./agent-test-kit.js";
import { exchangeBytes } from "./exchange/exchange.js";
import type { OpenStream } from "./guest.js";

const source = fileURLToPath(new URL("../../../../agent/", import.meta.url));

export interface RealAgent extends AsyncDisposable {
  /** Goes with the agent; for whatever a test wants to lie somewhere. */
  readonly folder: string;
  readonly open: OpenStream;
  /** Stands for the agent's disk for exchange. */
  readonly exchange: string;
  /** Ends every connection there is; the agent goes on. */
  hangUp(): void;
}

export async function startRealAgent(signal: AbortSignal): Promise<RealAgent> {
  const folder = await mkdtemp(join(tmpdir(), "agent-"));
  const program = join(folder, "agent");
  const env = { ...process.env, CGO_ENABLED: "0" };
  await promisify(execFile)("go", ["build", "-o", program, "."], { cwd: source, env, signal });
  const paths = { agent: join(folder, "a.sock"), host: join(folder, "h.sock") };
  const exchange = join(folder, "exchange");
  await makeSparse(exchange);
  const options = ["--agent-socket", paths.agent, "--host-socket", paths.host, "--exchange", exchange];
  const agent = spawn(program, ["serve", ...options], { stdio: "ignore" });
  await waitFor(() => (existsSync(paths.agent) && existsSync(paths.host)) || undefined, signal);
  const sockets = new Set<{ destroy(): void }>();
  return {
    folder,
    exchange,
    open: async (name, within) => {
      const socket = await openSocket(paths[name], within);
      sockets.add(socket);
      return socket;
    },
    hangUp: () => {
      for (const socket of sockets) socket.destroy();
      sockets.clear();
    },
    async [Symbol.asyncDispose]() {
      agent.kill("SIGKILL");
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function makeSparse(path: string): Promise<void> {
  await using file = await open(path, "wx");
  await file.truncate(exchangeBytes);
}
