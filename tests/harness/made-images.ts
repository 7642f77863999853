/** Images that tests make: a small system around busybox with every kind of entry, and one static program with nothing around it. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type LayerEntry, layerOf } from "../../packages/server/src/engines/suite/layers.js";
import { run } from "../../packages/server/src/host/run.js";
import { type MadeImage, makeImage } from "../../packages/server/src/images/oci/test-image.js";

/** Programs of busybox, by links as Debian and Alpine have them. */
const applets = [
  "sh",
  "ls",
  "cat",
  "id",
  "stat",
  "env",
  "pwd",
  "sleep",
  "echo",
  "true",
  "find",
  "test",
  "tar",
  "mkdir",
];

/** Two layers: the second takes away, replaces and adds. */
export async function busyboxImage(): Promise<MadeImage> {
  const busybox = await readFile("/bin/busybox");
  const directories = [
    "bin/",
    "etc/",
    "srv/",
    "tmp/",
    "var/",
    "var/gone/",
    "var/emptied/",
    "dev/",
    "proc/",
    "sys/",
    "root/",
  ];
  const lower = layerOf(
    ...directories.map((path): LayerEntry => ({ path, mode: path === "tmp/" ? 0o1777 : 0o755 })),
    { path: "bin/busybox", content: busybox, mode: 0o755 },
    ...applets.map((name): LayerEntry => ({ path: `bin/${name}`, kind: "2", target: "busybox" })),
    { path: "etc/passwd", content: "root:x:0:0:root:/root:/bin/sh\nweb:x:1234:1235:web:/srv:/bin/sh\n" },
    { path: "etc/group", content: "root:x:0:\nweb:x:1235:\n" },
    { path: "etc/motd", content: "lower" },
    { path: "var/gone/file", content: "gone" },
    { path: "var/emptied/file", content: "gone" },
    { path: "srv/setuid", content: "x", mode: 0o4755, uid: 12, gid: 34 },
    { path: "srv/linked", kind: "1", target: "srv/setuid", mode: 0o4755, uid: 12, gid: 34 },
    { path: "srv/owned", content: "x", mode: 0o640, uid: 70_000, gid: 70_001 },
    { path: "srv/labelled", content: "x", pax: { "SCHILY.xattr.user.colour": "blue" } },
    { path: "srv/null", kind: "3", device: [1, 3], mode: 0o666 },
    { path: "srv/pipe", kind: "6", mode: 0o600 },
  );
  const upper = layerOf(
    { path: "var/.wh.gone" },
    { path: "var/emptied/.wh..wh..opq" },
    { path: "var/emptied/new", content: "new" },
    { path: "etc/motd", content: "upper" },
  );
  return makeImage({
    layers: [lower, upper],
    config: {
      ...{ User: "web", WorkingDir: "/srv", Env: ["PATH=/bin", "COLOUR=blue"], ExposedPorts: { "8080/tcp": {} } },
      ...{ Entrypoint: ["/bin/sh", "-c"], Cmd: ["echo $COLOUR from $(pwd) as $(id -u)"] },
    },
  });
}

const program = `package main

import (
	"fmt"
	"os"
)

func main() {
	directory, _ := os.Getwd()
	fmt.Println(os.Args[1:], os.Getuid(), os.Getgid(), directory, os.Getenv("COLOUR"))
}
`;

/** No shell, no accounts, a number for a user. */
export async function staticImage(): Promise<MadeImage> {
  const place = await mkdtemp(join(tmpdir(), "alcove-go-"));
  try {
    await writeFile(join(place, "main.go"), program);
    const environment = {
      ...process.env,
      PATH: `${process.env.PATH}:/usr/local/go/bin:/usr/lib/go/bin`,
      CGO_ENABLED: "0",
    };
    await run("go", ["build", "-o", join(place, "app"), join(place, "main.go")], { environment });
    const layer = layerOf({ path: "app", content: await readFile(join(place, "app")), mode: 0o755 });
    const config = { User: "65532:65533", Entrypoint: ["/app"], Cmd: ["ready"], Env: ["COLOUR=red"] };
    return makeImage({ layers: [layer], config });
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}
