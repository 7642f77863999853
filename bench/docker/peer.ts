/** The same acts with Docker: through its API from this warm process, and through its CLI. */
import { open } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { runToEnd, untilFirstOutput } from "../child.js";
import { stopwatch } from "../measure.js";
import type { Acts } from "../rows.js";
import { fileAsTar, fileFromTar } from "../tar.js";
import { connectDocker, type DockerApi, firstOutput } from "./api.js";
import { type DockerDaemon, useDocker } from "./daemon.js";

const image = "alcove-bench";

export interface Peer {
  readonly name: string;
  readonly acts: Acts;
  /** Pulls an image, runs a program in it until its first output, and removes both. Answers milliseconds until that output. */
  pullAndRun(reference: string): Promise<number>;
  stop(): Promise<void>;
}

export interface PeerInput {
  /** The root file system of our image, as a tar. */
  readonly rootFileSystem: Readable;
  /** The file that transfers move. */
  readonly payload: { readonly path: string; readonly sizeBytes: number };
  /** A directory for downloads. */
  readonly scratch: string;
}

/** Answers a sentence where there is no Docker. */
export async function startPeer(input: PeerInput): Promise<Peer | string> {
  const daemon = await useDocker();
  if (typeof daemon === "string") {
    input.rootFileSystem.destroy();
    return daemon;
  }
  const api = connectDocker(daemon.socketPath);
  try {
    const { Version: version } = (await api.call("GET", "/version")) as { Version: string };
    await api.send("POST", `/images/create?fromSrc=-&repo=${image}`, input.rootFileSystem);
    const container = await createContainer(api, ["sleep", "infinity"]);
    await api.call("POST", `/containers/${container}/start`);
    return {
      name: `docker ${version}`,
      acts: { ...apiActs(api, container, input), ...(await cliActs(daemon, api, container, input)) },
      pullAndRun: (reference) => pullAndRun(api, reference),
      async stop() {
        await api.call("DELETE", `/containers/${container}?force=true`);
        await api.call("DELETE", `/images/${image}?force=true`);
        api.close();
        await daemon.stop();
      },
    };
  } catch (cause) {
    api.close();
    await daemon.stop();
    throw new Error("Docker runs, but the bench's container could not be made in it", { cause });
  }
}

function apiActs(api: DockerApi, container: string, input: PeerInput) {
  const create = async () => {
    const { id, elapsed } = await untilOutput(api, performance.now(), image);
    await api.call("DELETE", `/containers/${id}?force=true`);
    return elapsed;
  };
  return {
    "create-template": create,
    // It has nothing like a pool: a create is a create.
    "create-pool": create,
    exec: () => stopwatch(() => execute(api, container, ["true"])),
    upload: async () => {
      const synced = await syncedFile(api, container, "/root/payload");
      return stopwatch(async () => {
        await api.send("PUT", `/containers/${container}/archive?path=/root`, fileAsTar(input.payload, "payload"));
        await synced();
      });
    },
    download: () =>
      stopwatch(async () => {
        const tar = await api.receive(`/containers/${container}/archive?path=/root/payload`);
        await fileFromTar(tar, join(input.scratch, "docker-download"));
      }),
  };
}

async function cliActs(daemon: DockerDaemon, api: DockerApi, container: string, input: PeerInput) {
  const docker = (...words: string[]) => ["docker", "--host", `unix://${daemon.socketPath}`, ...words];
  const sync = await syncedFile(api, container, "/root/payload");
  const run = () => untilFirstOutput(docker("run", "--rm", "--network", "none", image, "echo", "hello"));
  return {
    "create-template-cli": run,
    "create-pool-cli": run,
    "exec-cli": () => stopwatch(() => runToEnd(docker("exec", container, "true"))),
    "upload-cli": () =>
      stopwatch(async () => {
        await runToEnd(docker("cp", "--quiet", input.payload.path, `${container}:/root/payload`));
        await sync();
      }),
    "download-cli": () =>
      stopwatch(() =>
        runToEnd(docker("cp", "--quiet", `${container}:/root/payload`, join(input.scratch, "docker-download-cli"))),
      ),
  };
}

async function pullAndRun(api: DockerApi, reference: string): Promise<number> {
  const started = performance.now();
  await api.send("POST", `/images/create?fromImage=${encodeURIComponent(reference)}`, Readable.from([]));
  const { id, elapsed } = await untilOutput(api, started, reference);
  await api.call("DELETE", `/containers/${id}?force=true`);
  await api.call("DELETE", `/images/${encodeURIComponent(reference)}?force=true`);
  return elapsed;
}

/** Creates and starts a container that says hello. */
async function untilOutput(api: DockerApi, started: number, from: string) {
  const id = await createContainer(api, ["echo", "hello"], from);
  const output = await api.attach(`/containers/${id}/attach?stream=1&stdout=1&stderr=1`);
  await api.call("POST", `/containers/${id}/start`);
  await firstOutput(output);
  const elapsed = performance.now() - started;
  output.destroy();
  return { id, elapsed };
}

async function createContainer(api: DockerApi, command: readonly string[], from = image): Promise<string> {
  const body = { Image: from, Cmd: command, AttachStdout: true, HostConfig: { NetworkMode: "none" } };
  const { Id } = (await api.call("POST", "/containers/create", body)) as { Id: string };
  return Id;
}

/** What `docker exec` does: create, start with the output attached, read to the end, ask for the exit code. */
async function execute(api: DockerApi, container: string, command: readonly string[]): Promise<void> {
  const body = { Cmd: command, AttachStdout: true, AttachStderr: true };
  const { Id } = (await api.call("POST", `/containers/${container}/exec`, body)) as { Id: string };
  const output = await api.attach(`/exec/${Id}/start`, { Detach: false, Tty: false });
  for await (const _ of output);
  const { ExitCode } = (await api.call("GET", `/exec/${Id}/json`)) as { ExitCode: number };
  if (ExitCode !== 0) throw new Error(`docker exec of ${command.join(" ")} ended with ${ExitCode}`);
}

/** Docker does not sync what it copies; ours is on disk when the upload answers. This makes the same of a file in the container. */
async function syncedFile(api: DockerApi, container: string, path: string): Promise<() => Promise<void>> {
  const details = (await api.call("GET", `/containers/${container}/json`)) as {
    GraphDriver: { Data: { UpperDir?: string; MergedDir?: string } | null };
  };
  const directory = details.GraphDriver.Data?.UpperDir ?? details.GraphDriver.Data?.MergedDir;
  if (directory === undefined) return async () => void (await execute(api, container, ["sync"]));
  return async () => {
    await using file = await open(join(directory, path), "r+");
    await file.sync();
  };
}
