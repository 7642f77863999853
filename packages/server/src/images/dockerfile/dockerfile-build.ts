/**
 * Builds a Dockerfile with buildah, in a machine without a network. Bases go in as skopeo fetched them, the result comes out as
 * an archive, which is as hostile as any other.
 */
import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { AlcoveError } from "@alcove/contract";
import { receiveUpload, type Upload } from "../archive/receive.js";
import type { BuildOptions } from "../image.js";
import { fetchImage, locate, type PullOptions, type PullOrder } from "../registry/pull.js";
import type { RegistrySettings } from "../registry/registry-rules.js";
import { openPlainWorkplace } from "../workplace.js";
import type { BuildContext } from "./build-context.js";
import type { BuildMachine, OpenBuildMachine } from "./build-machine.js";
import type { Base } from "./dockerfile.js";

export interface DockerfileOrder {
  readonly kind: "dockerfile";
  /** Taken over: its bytes are gone when the build is over. */
  readonly context: BuildContext;
  readonly openMachine: OpenBuildMachine;
  /** How to pull what a base's reference means. */
  readonly pullOf: (reference: string) => PullOrder;
}

export interface DockerfileBuild {
  /** Where contents are kept; bytes under way lie beside them. */
  readonly directory: string;
  readonly registries: RegistrySettings;
  readonly spareBytes: number;
}

const work = "/build";
const result = "localhost/result:latest";
const archive = `${work}/result.tar`;
const linesShown = 8;
const buildah = ["env", "STORAGE_DRIVER=overlay", "BUILDAH_ISOLATION=chroot", "buildah"];
const takeIn = `id=$("$@" pull -q "dir:${work}/base") && "$@" tag "$id" "$BASE" && rm -rf ${work}/base`;

/** The built image, as an archive that was sent. */
export async function buildDockerfile(
  build: DockerfileBuild,
  order: DockerfileOrder,
  options: BuildOptions,
): Promise<Upload> {
  const { onStep } = options;
  onStep({ message: "Starting a machine to build in", progress: 0 });
  await using machine = await order.openMachine(options.signal, (message) => onStep({ message, progress: 0.02 }));
  const { signal } = machine;
  try {
    return await buildIn({ build, order, machine }, { ...options, signal });
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  }
}

async function buildIn(site: Site, options: BuildOptions): Promise<Upload> {
  const { build, order, machine } = site;
  const { onStep, onLine, signal } = options;
  for (const base of order.context.bases) await takeBase(site, base, options);
  onStep({ message: "Sending the context", progress: 0.25 });
  await machine.unpack(`${work}/context`, order.context.open(), signal);
  await machine.write(`${work}/Dockerfile`, once(order.context.text), signal);
  await runBuild(machine, order, options);
  onStep({ message: "Taking the image out of the machine", progress: 0.45 });
  const push = [...buildah, "push", "-q", "--disable-compression", result, `oci-archive:${archive}`];
  await must(machine, push, { onLine, signal, what: "The built image could not be packed" });
  const content = await machine.read(archive, signal);
  return await receiveUpload(content, { ...build, format: "archive", signal });
}

interface Site {
  readonly build: DockerfileBuild;
  readonly order: DockerfileOrder;
  readonly machine: BuildMachine;
}

/** Fetched anew by every build: what the group may have is for its registry to say. */
async function takeBase({ build, order, machine }: Site, base: Base, options: BuildOptions): Promise<void> {
  const { signal, onLine } = options;
  const asked = order.pullOf(base.reference);
  onLine(`base ${base.reference}`);
  await using place = await openPlainWorkplace(build.directory);
  const onStep = ({ message, progress }: { message: string; progress: number }) =>
    options.onStep({ message: `${base.reference}: ${message}`, progress: 0.05 + progress * 0.4 });
  const { registries: settings, spareBytes } = build;
  const pull: PullOptions = { settings, place, signal, onStep, onLine, spareBytes };
  await fetchImage(await locate(asked, pull), asked, pull);
  const directory = join(place.directory, "pulled");
  for (const name of await readdir(directory)) {
    await machine.write(`${work}/base/${name}`, createReadStream(join(directory, name)), signal);
  }
  const argv = ["env", `BASE=${base.name}`, "sh", "-c", takeIn, "sh", ...buildah];
  await must(machine, argv, { onLine, signal, what: `The base ${base.reference} could not be unpacked` });
}

async function runBuild(machine: BuildMachine, { context }: DockerfileOrder, options: BuildOptions): Promise<void> {
  const { signal, onLine, onStep } = options;
  const argv = [
    ...[...buildah, "build", "--isolation=chroot", "--pull=never", "--layers=false", "--no-hosts", "--format=oci"],
    ...Object.entries(context.buildArgs).flatMap(([name, value]) => ["--build-arg", `${name}=${value}`]),
    ...(context.target === undefined ? [] : ["--target", context.target]),
    ...["-t", result, "-f", `${work}/Dockerfile`, `${work}/context`],
  ];
  const named = (line: string) =>
    context.bases.reduce((text, { name, reference }) => text.replaceAll(name, reference), line);
  const tell = (line: string) => {
    onLine(named(line));
    if (/^(?:\[\d+\/\d+\] )?STEP \d+\/\d+: /.test(line)) onStep({ message: named(line).slice(0, 300), progress: 0.3 });
  };
  await must(machine, argv, { onLine: tell, signal, what: "The Dockerfile could not be built" });
}

interface Must {
  readonly onLine: (line: string) => void;
  readonly signal: AbortSignal;
  readonly what: string;
}

/** Its last lines are the error's. */
async function must(machine: BuildMachine, argv: readonly string[], { onLine, signal, what }: Must): Promise<void> {
  const last: string[] = [];
  const keep = (line: string) => {
    onLine(line);
    if (last.push(line.slice(0, 400)) > linesShown) last.shift();
  };
  const exitCode = await machine.run(argv, keep, signal);
  if (exitCode === 0) return;
  throw new AlcoveError("ImageNotReady", `${what} (exit code ${exitCode}):\n${last.join("\n")}`, {
    hint: "Mend what the lines above say; the image's log has the whole build. There is no network in RUN.",
  });
}

async function* once(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}
