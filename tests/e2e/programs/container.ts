/** A container of podman's, made of nothing but static programs. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Sandbox } from "alcove";
import { buildGo } from "./programs.js";

const root = "/root/container";

export async function bringContainer(sandbox: Sandbox): Promise<void> {
  const built = await mkdtemp(join(tmpdir(), "alcove-container-"));
  try {
    for (const name of ["fetch", "datagrams"]) {
      await buildGo(`${name}.go`, join(built, name));
      await sandbox.files.write(join(root, name), await readFile(join(built, name)), { mode: 0o755 });
    }
  } finally {
    await rm(built, { recursive: true, force: true });
  }
}

/** What the command says there, which trusts whom programs of the sandbox trust at present. Datagrams of any kind may be sent from it. */
export async function inContainer(sandbox: Sandbox, command: string): Promise<string> {
  const certificates = `${root}/etc/ssl/certs`;
  const options = "--rm --cgroups=disabled --cap-add NET_RAW";
  const { stdout, stderr, exitCode } = await sandbox.exec(
    `mkdir -p ${certificates} && cp /etc/ssl/certs/ca-certificates.crt ${certificates}/ &&
      { mountpoint -q /sys/fs/cgroup || mount -t cgroup2 none /sys/fs/cgroup; } &&
      podman run ${options} --rootfs ${root} ${command}`,
  );
  if (exitCode !== 0) throw new Error(`podman ended with ${exitCode}: ${stderr}`);
  return stdout;
}
