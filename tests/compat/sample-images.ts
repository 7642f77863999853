/**
 * Images as people have them, made here: one of Debian's packages, one in Alpine's way (busybox, links, no C library) and one
 * without any system (a static program and a numeric user). Each has the program `/look`, and, in its layers, all that is
 * hard to keep.
 */
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { type LayerEntry, layerOf } from "../../packages/server/src/engines/suite/layers.js";
import { run } from "../../packages/server/src/host/run.js";
import { hostAptSources } from "../../packages/server/src/images/apt-sources.js";
import { type MadeImage, makeImage } from "../../packages/server/src/images/oci/test-image.js";
import { findGo, goEnvironment } from "../../tools/dev/guest/go.js";

const lookSource = join(import.meta.dirname, "look");
/** The slots that `getcap` shows as cap_net_raw+ep: revision 2, effective. */
const netRaw = Buffer.from("0100000200200000000000000000000000000000", "hex").toString("latin1");
const mountPoints: readonly LayerEntry[] = ["proc/", "sys/", "dev/", "run/", "etc/"].map((path) => ({ path }));
const temporary: LayerEntry = { path: "tmp/", mode: 0o1777 };

/** The program that tells what it sees. */
export async function buildLook(directory: string): Promise<Buffer> {
  const path = join(directory, "look");
  const signal = AbortSignal.timeout(300_000);
  const go = await findGo({ say: () => undefined } as never, signal);
  const environment = goEnvironment();
  await run(go, ["build", "-ldflags=-s -w", "-o", path, "."], { workingDirectory: lookSource, environment, signal });
  return readFile(path);
}

/** Two layers: a whole Debian, then what removes, replaces and adds. */
export async function debianImage(directory: string, look: Buffer): Promise<MadeImage> {
  const tree = join(directory, "debian.tar");
  const signal = AbortSignal.timeout(600_000);
  const sources = await hostAptSources({ suite: "bookworm", components: ["main"] } as never, signal);
  const options = sources.options.map((option) => `--aptopt=${option}`);
  const words = ["--quiet", "--variant=essential", ...leftOut, ...options, "bookworm", tree, ...sources.lines];
  const environment = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin`, LC_ALL: "C" };
  await run("mmdebstrap", words, { signal, environment, timeoutMs: 600_000 });
  const base = await readFile(tree);
  await rm(tree);
  const changes = layerOf(
    { path: "look", content: look, mode: 0o755 },
    { path: "usr/share/.wh.doc" },
    { path: "etc/apt/.wh..wh..opq" },
    { path: "etc/apt/only", content: "this\n" },
    { path: "etc/motd", kind: "2", target: "/etc/issue" },
    ...hardToKeep,
  );
  const config = { Env: ["PATH=/usr/local/bin:/usr/bin:/bin", "WORLD=sand box"], WorkingDir: "/var/lib", User: "1234" };
  return makeImage({
    layers: [base, changes],
    compress: quickly,
    config: { ...config, Cmd: ["/look", "self", "a b"] },
  });
}

/** Texts in other languages, which take a third of its files, show nothing that the others do not. */
const leftOut = ["locale", "i18n", "man", "zoneinfo"].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`);

/** Links to one program for every command, hard ones and soft ones. */
export async function alpineStyleImage(look: Buffer): Promise<MadeImage> {
  const busybox = await readFile("/bin/busybox").catch(() => readFile("/usr/bin/busybox"));
  const base = layerOf(
    ...mountPoints,
    temporary,
    { path: "bin/" },
    { path: "bin/busybox", content: busybox, mode: 0o755 },
    ...["sh", "ls", "cat"].map((name): LayerEntry => ({ path: `bin/${name}`, kind: "2", target: "/bin/busybox" })),
    ...["id", "env"].map((name): LayerEntry => ({ path: `bin/${name}`, kind: "1", target: "bin/busybox" })),
    { path: "etc/passwd", content: "root:x:0:0::/root:/bin/sh\napp:x:1000:2000::/home/app:/bin/sh\n" },
    { path: "etc/group", content: "root:x:0:\napp:x:2000:\nlogs:x:3000:app\n" },
    { path: "etc/alpine-release", content: "3.0.0\n" },
    { path: "home/app/", uid: 1000, gid: 2000, mode: 0o2750 },
  );
  const upper = layerOf({ path: "look", content: look, mode: 0o755 }, { path: "bin/.wh.cat" }, ...hardToKeep);
  const config = { User: "app", WorkingDir: "/home/app", Env: ["PATH=/bin", "EMPTY="] };
  return makeImage({
    layers: [base, upper],
    config: { ...config, Entrypoint: ["/look", "self"], Cmd: ["one", "two"], ExposedPorts: { "8080/tcp": {} } },
  });
}

/** No shell, no passwd, a user that has a number only. */
export function distrolessStyleImage(look: Buffer): MadeImage {
  const tree = [...mountPoints, temporary, { path: "look", content: look, mode: 0o555 }, ...hardToKeep];
  const config = { User: "65532:65532", Entrypoint: ["/look", "self"], Env: ["PATH=/"] };
  return makeImage({ layers: [layerOf(...tree)], config });
}

const hardToKeep: readonly LayerEntry[] = [
  { path: "srv/" },
  { path: "srv/setuid", content: "program", mode: 0o4755, uid: 12, gid: 34 },
  { path: "srv/setgid", content: "program", mode: 0o2711, gid: 65_534 },
  { path: "srv/sticky/", mode: 0o1770, uid: 1_000_000, gid: 2_000_000 },
  { path: "srv/nobody-may", content: "secret", mode: 0 },
  { path: "srv/twin", kind: "1", target: "srv/setuid" },
  { path: "srv/dangling", kind: "2", target: "../nowhere" },
  { path: "srv/null", kind: "3", device: [1, 3], mode: 0o666 },
  { path: "srv/disk", kind: "4", device: [8, 1], mode: 0o660, gid: 6 },
  { path: "srv/pipe", kind: "6", mode: 0o640 },
  { path: "srv/capable", content: "program", mode: 0o755, pax: { "SCHILY.xattr.security.capability": netRaw } },
  { path: "srv/noted", content: "x", pax: { "SCHILY.xattr.user.note": "kept" } },
  { path: `srv/${"long-name-".repeat(20)}`, content: "long" },
  { path: "srv/ünïcode\n", content: "odd" },
];

function quickly(layer: Buffer): Buffer {
  return gzipSync(layer, { level: 1 });
}
