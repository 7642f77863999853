/** Builds a disk of two layers in a builder, for a test that wants it done by another user, or killed. */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { createMicrovmEngine } from "../../packages/server/src/engines/microvm/microvm.js";
import { layerOf, streamOf } from "../../packages/server/src/engines/suite/layers.js";
import { makeLayeredDisk } from "../../packages/server/src/images/disk-builder.js";

const [place = "", guestDirectory = "", how = ""] = process.argv.slice(2);
const engine = createMicrovmEngine({
  dataDirectory: join(place, "data"),
  runtimeDirectory: join(place, "run"),
  guestDirectory,
});
const capability = "\x01\x00\x00\x02\x00\x20".padEnd(20, "\x00");
const lower = layerOf(
  { path: "usr/bin/" },
  { path: "usr/bin/su", content: "program", mode: 0o4755, uid: 12, gid: 34 },
  { path: "usr/bin/ping", content: "program", mode: 0o755, pax: { "SCHILY.xattr.security.capability": capability } },
  { path: "usr/bin/su2", kind: "1", target: "usr/bin/su", mode: 0o4755, uid: 12, gid: 34 },
  { path: "bin", kind: "2", target: "/usr/bin" },
  { path: "disk", kind: "4", device: [8, 1], mode: 0o660 },
  { path: "gone", content: "gone" },
  { path: "up", kind: "2", target: "../../../../.." },
);
const upper = layerOf({ path: ".wh.gone" }, { path: "bin/tool", content: "tool" }, { path: "up/inside", content: "x" });

async function* endless(): AsyncGenerator<Uint8Array> {
  yield lower.subarray(0, 1_024);
  console.log("applying");
  await new Promise((resolve) => setTimeout(resolve, 600_000));
}

const signal = AbortSignal.timeout(300_000);
const disk = { path: join(place, "disk.raw"), fileSystemId: randomUUID() };
const layers = how === "endless" ? [endless()] : [streamOf(lower), streamOf(upper)];
const open = (diskPath: string) => engine.builders.open({ id: randomUUID(), diskPath }, signal);
console.log(`done ${JSON.stringify(await makeLayeredDisk(disk, layers, open, { signal }))}`);
await engine.close();
