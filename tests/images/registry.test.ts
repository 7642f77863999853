/** Images made here, pushed to a real registry, pulled back and run in real sandboxes. */

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { Sandbox } from "alcove";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DockerRegistry, registryUser } from "../../bench/registry.js";
import { hostArchitecture } from "../../packages/server/src/images/oci/platform.js";
import { makeImage, makeIndex } from "../../packages/server/src/images/oci/test-image.js";
import { TestDaemon } from "../harness/daemon.js";
import { busyboxImage, staticImage } from "../harness/made-images.js";

const lack = ["docker-registry", "skopeo", "/bin/busybox"].find((program) =>
  program.startsWith("/") ? !existsSync(program) : spawnSync(program, ["--help"]).error !== undefined,
);
const memory = "512Mi";

describe.skipIf(lack !== undefined)(`a real registry${lack ? ` (skipped: there is no ${lack})` : ""}`, () => {
  let plain: DockerRegistry;
  let guarded: DockerRegistry;
  let daemon: TestDaemon;

  beforeAll(async () => {
    plain = await DockerRegistry.start();
    guarded = await DockerRegistry.start({ hasPassword: true, hasTls: true });
    daemon = await TestDaemon.start({
      hasOwnData: true,
      environment: { ALCOVE_REGISTRY_CERTIFICATES: guarded.certificates },
    });
  }, 120_000);
  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    await plain[Symbol.asyncDispose]();
    await guarded[Symbol.asyncDispose]();
  }, 120_000);

  test("a small system keeps owners, modes, links, devices and attributes; what the upper layer took away is gone", async () => {
    await plain.push(await busyboxImage(), "team/small:1");
    const { alcove } = daemon;
    const seen: string[] = [];
    const image = await alcove.images.pull(`${plain.host}/team/small:1`, {
      name: "small",
      onProgress: ({ message }) => seen.push(message),
    });
    expect(image).toMatchObject({ state: "Ready", config: { user: "web", exposedPorts: ["8080/tcp"] } });
    expect(seen.at(-1)).toBe("Built.");
    await using sandbox = await Sandbox.create({ image: "small", memory, alcove });
    const shown = await sandbox.exec(["sh", "-c", "id -u; id -g; pwd; echo $COLOUR"]);
    expect(shown.stdout).toBe("1234\n1235\n/srv\nblue\n");
    const asRoot = { user: "root" };
    const files = "stat -c '%n %a %u:%g %h %F' setuid linked owned null pipe; cat /etc/motd; ls /var /var/emptied";
    expect((await sandbox.exec(["sh", "-c", files], asRoot)).stdout.split("\n")).toEqual([
      "setuid 4755 12:34 2 regular file",
      "linked 4755 12:34 2 regular file",
      "owned 640 70000:70001 1 regular file",
      "null 666 0:0 1 character special file",
      "pipe 600 0:0 1 fifo",
      "upper/var:",
      "emptied",
      "",
      "/var/emptied:",
      "new",
      "",
    ]);
    expect(await loggedBy(sandbox)).toContain("blue from /srv as 1234");
    await expect(alcove.images.delete("small")).rejects.toMatchObject({ code: "ImageInUse" });
  }, 300_000);

  test("one static program with a number for its user runs, from a registry with TLS and a password", async () => {
    await guarded.push(await staticImage(), "team/app:1");
    const { alcove } = daemon;
    const url = `${guarded.host}/team/app:1`;
    await expect(alcove.images.pull(url, { name: "app" })).rejects.toThrow("wants credentials");
    expect((await alcove.images.get("app")).state).toBe("Failed");
    await alcove.images.pull(url, { name: "app", credentials: registryUser });
    await using sandbox = await Sandbox.create({ image: "app", memory, alcove });
    const { stdout } = await sandbox.exec(["/app", "again"]);
    expect(stdout).toBe("[again] 65532 65533 / red\n");
    expect(await loggedBy(sandbox)).toContain("[ready] 65532 65533 / red");
  }, 300_000);

  test("of an index this machine's image is taken, and a digest says which exactly", async () => {
    const image = await busyboxImage();
    const other = makeImage({ layers: image.layers, architecture: "s390x" });
    await plain.push(image, "multi:own");
    await plain.push(other, "multi:other");
    const index = makeIndex([
      { image: other, architecture: "s390x" },
      { image, architecture: hostArchitecture },
    ]);
    await plain.pushIndex(index, "multi:1");
    const { alcove } = daemon;
    const pulled = await alcove.images.pull(`${plain.host}/multi:1`);
    expect(pulled).toMatchObject({ name: "multi:1", source: { manifestDigest: image.manifestDigest } });
    const exact = await alcove.images.pull(`${plain.host}/multi@${image.manifestDigest}`, { name: "exact" });
    expect(exact.digest).toBe(pulled.digest);
  }, 300_000);

  test("a certificate that nobody vouches for is refused", async () => {
    await using stranger = await DockerRegistry.start({ hasTls: true });
    await expect(daemon.alcove.images.pull(`${stranger.host}/x:1`, { name: "x" })).rejects.toThrow("is not trusted");
  }, 60_000);
});

/** All lines of the program that started with it, to its end. */
async function loggedBy(sandbox: Sandbox): Promise<string[]> {
  const lines: string[] = [];
  for await (const entry of sandbox.logs({ follow: true })) if ("line" in entry) lines.push(entry.line);
  return lines;
}
