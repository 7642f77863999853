/**
 * A Go that can build the agent. Go 1.21 and later fetches the version that go.mod asks for by itself; an older one, such
 * as Debian 12's, can still download a newer toolchain, which is published as a module, with its checksum.
 */
import { chmod, readdir } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { z } from "zod";
import { RunError, run } from "../../../packages/server/src/host/run.js";
import type { StepProgress } from "../progress.js";
import { architecture } from "./architecture.js";

const toolchainVersion = "1.26.8";
/** As in the module's go.sum; Go checks them against the checksum database too. */
const toolchainSums = {
  amd64: "h1:ZOmGe1OnfREDMIdb1Qi4G9JSuDPBLGExZMQ4nis1RXM=",
  arm64: "h1:sYL/O6MqS68ML0kjsQ36WoYIpJqkw60TxizWUYUKQMc=",
};
const places = ["go", "/usr/local/go/bin/go", "/usr/lib/go/bin/go"];

/** Path of a Go program that builds the agent, in an environment made by `goEnvironment`. */
export async function findGo(progress: StepProgress, signal: AbortSignal): Promise<string> {
  for (const place of places) {
    const minor = await minorVersion(place, signal);
    if (minor === undefined) continue;
    if (minor >= 21) return place;
    progress.say(`fetching Go ${toolchainVersion}, since ${place} is 1.${minor}`);
    return fetchToolchain(place, signal);
  }
  throw new Error("There is no Go here to build the agent with. Install it: sudo apt-get install golang-go");
}

/** Static programs, the toolchain that go.mod asks for, no settings of another Go. */
export function goEnvironment(): NodeJS.ProcessEnv {
  return {
    ...process.env,
    CGO_ENABLED: "0",
    GOOS: "linux",
    GOTOOLCHAIN: "auto",
    GOFLAGS: "-trimpath",
    GOROOT: undefined,
  };
}

/** For programs that start Go by its name. */
export function withGoOnPath(go: string): NodeJS.ProcessEnv {
  return go.includes("/")
    ? { ...process.env, PATH: `${dirname(go)}${delimiter}${process.env.PATH ?? ""}` }
    : process.env;
}

async function minorVersion(go: string, signal: AbortSignal): Promise<number | undefined> {
  try {
    const { stdout } = await run(go, ["version"], { signal, environment: { ...process.env, GOTOOLCHAIN: "local" } });
    const minor = /go1\.(\d+)/.exec(stdout)?.[1];
    return minor === undefined ? undefined : Number(minor);
  } catch (error) {
    if (error instanceof RunError && error.reason === "NotFound") return undefined;
    throw error;
  }
}

const Download = z.object({ Dir: z.string(), Sum: z.string() });

async function fetchToolchain(oldGo: string, signal: AbortSignal): Promise<string> {
  const module = `golang.org/toolchain@v0.0.1-go${toolchainVersion}.linux-${architecture}`;
  const environment = { ...process.env, GOFLAGS: "", GO111MODULE: "on" };
  const { stdout } = await run(oldGo, ["mod", "download", "-json", module], {
    signal,
    environment,
    workingDirectory: "/",
  });
  const { Dir, Sum } = Download.parse(JSON.parse(stdout));
  if (Sum !== toolchainSums[architecture]) {
    throw new Error(`${module} has the checksum ${Sum}, not ${toolchainSums[architecture]}; it will not be used.`);
  }
  await makeExecutable(join(Dir, "bin"));
  await makeExecutable(join(Dir, "pkg/tool", `linux_${architecture}`));
  return join(Dir, "bin/go");
}

/** A module's files have no executable bit. */
async function makeExecutable(directory: string): Promise<void> {
  for (const name of await readdir(directory)) await chmod(join(directory, name), 0o755);
}
