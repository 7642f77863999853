/** How a machine is shut in on this host, found out once: which namespaces it gets and what it sees in them. */
import { access, realpath, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { run } from "../../../host/run.js";
import type { Accelerator } from "../machine/command-line.js";
import type { MachineHost } from "../machine/machine-host.js";

export type Shelter = Pick<MachineHost, "namespaces" | "programPaths" | "devicePaths" | "kvmGroup">;

/** Libraries lie under /usr, or beside it on older systems; the cache spares the loader a search. */
const programPaths = ["/usr", "/bin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/localtime"];
const devicePaths = ["/dev/null", "/dev/urandom"];

export async function findShelter(
  parts: { readonly agent: string; readonly qemu: string; readonly accelerator: Accelerator },
  signal: AbortSignal,
): Promise<Shelter> {
  const usesKvm = parts.accelerator === "kvm";
  const qemuDirectory = dirname(await realpath(await locate(parts.qemu)));
  const programs = qemuDirectory.startsWith("/usr/") ? programPaths : [...programPaths, qemuDirectory];
  return {
    namespaces: await findNamespaces(parts.agent, signal),
    programPaths: await existing(programs),
    devicePaths: usesKvm ? [...devicePaths, "/dev/kvm"] : devicePaths,
    kvmGroup: usesKvm ? (await stat("/dev/kvm")).gid : undefined,
  };
}

/** By fencing in a program that does nothing, in the very way that machines are. */
export async function findNamespaces(agent: string, signal: AbortSignal): Promise<Shelter["namespaces"]> {
  const isRoot = process.getuid?.() === 0;
  const binds = (await existing(programPaths)).flatMap((path) => ["--bind", `${path}:ro`]);
  const fence = ["--netns", "--mountns", ...binds, ...(isRoot ? [] : ["--userns"])];
  try {
    await run(agent, ["host", "spawn", ...fence, "--", "/usr/bin/true"], { signal, timeoutMs: 10_000 });
    return isRoot ? "root" : "user";
  } catch {
    signal.throwIfAborted();
    return "none";
  }
}

async function locate(program: string): Promise<string> {
  if (program.includes("/")) return program;
  const places = (process.env.PATH ?? "/usr/bin:/bin").split(":").map((directory) => join(directory, program));
  const [found] = await existing(places);
  if (found === undefined) throw new Error(`${program} is in no directory of PATH`);
  return found;
}

async function existing(paths: readonly string[]): Promise<readonly string[]> {
  const there = await Promise.all(
    paths.map((path) =>
      access(path).then(
        () => true,
        () => false,
      ),
    ),
  );
  return paths.filter((_, index) => there[index]);
}
