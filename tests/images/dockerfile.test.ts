/** Dockerfiles built in real machines: from a registry's base, with what steps do to owners and modes, and with steps that mean harm. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BuildImageOptions, Sandbox } from "alcove";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { DockerRegistry } from "../../bench/registry.js";
import { run } from "../../packages/server/src/host/run.js";
import { TestDaemon } from "../harness/daemon.js";
import { isLong } from "../harness/long.js";
import { busyboxImage } from "../harness/made-images.js";

const lack = ["docker-registry", "skopeo", "/bin/busybox"].find((program) =>
  program.startsWith("/") ? !existsSync(program) : spawnSync(program, ["--help"]).error !== undefined,
);
const memory = "512Mi";
const minute = 60_000;
/** As they stand in the help. */
const exampleLines = [
  ["alcove image build -t tools .", "1\n"],
  ["alcove image build -t tools --target test --build-arg VERSION=2 ./tools", "2\n"],
] as const;
const commandLine = join(import.meta.dirname, "../../packages/cli/bin/alcove");

describe.skipIf(lack !== undefined)(`Dockerfiles${lack ? ` (skipped: there is no ${lack})` : ""}`, () => {
  let registry: DockerRegistry;
  let daemon: TestDaemon;
  let context = "";
  let base = "";

  beforeAll(async () => {
    registry = await DockerRegistry.start();
    base = `${registry.host}/team/small`;
    await registry.push(await busyboxImage(), "team/small:1");
    daemon = await TestDaemon.start({ hasOwnData: true });
    await daemon.alcove.images.prepare("builder");
  }, 10 * minute);
  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    await registry[Symbol.asyncDispose]();
  }, 2 * minute);

  beforeEach(async () => {
    context = await mkdtemp(join(tmpdir(), "alcove-context-"));
    return () => rm(context, { recursive: true });
  });

  async function build(name: string, lines: readonly string[], options: BuildImageOptions = {}) {
    await writeFile(join(context, "Dockerfile"), `${lines.join("\n")}\n`);
    return daemon.alcove.images.build(name, context, options);
  }

  /** Machines, those of builds too. */
  const machines = () => readdir(join(daemon.dataDirectory, "sandboxes"));

  test(
    "stages, steps and the image's config are as they are with other builders, offline",
    async () => {
      await writeFile(join(context, "kept"), "kept\n");
      await writeFile(join(context, "secret"), "secret\n");
      await writeFile(join(context, ".dockerignore"), "secret\n");
      const seen: string[] = [];
      const lines = [
        ...["ARG BASE=nothing", "FROM $BASE:1 AS first", "USER root", "ARG TINT"],
        "RUN echo $TINT > /made && /bin/busybox chown 12:34 /made && /bin/busybox chmod 4755 /made",
        ...[`FROM ${base}:1`, "USER root", "COPY --from=first /made /copied", "COPY . /context/"],
        ...["RUN ls /sys/class/net > /cards", "ENV A=b", "USER web", "WORKDIR /tmp", 'ENTRYPOINT ["/bin/cat"]'],
      ];
      const image = await build("built", lines, {
        buildArgs: { BASE: base, TINT: "green" },
        onProgress: ({ message }) => seen.push(message),
      });
      expect(image).toMatchObject({
        ...{ state: "Ready", source: { kind: "dockerfile" } },
        config: {
          entrypoint: ["/bin/cat"],
          user: "web",
          workingDirectory: "/tmp",
          environment: { A: "b", COLOUR: "blue" },
        },
      });
      expect(seen).toContainEqual(expect.stringContaining(`STEP 1/9: FROM ${base}:1`));
      expect(await machines()).toEqual([]);
      await using sandbox = await Sandbox.create({ image: "built", memory, entrypoint: [], alcove: daemon.alcove });
      const shown = await sandbox.exec([
        "sh",
        "-c",
        "cat /copied; stat -c '%a %u:%g' /copied; ls /context; cat /cards; id -u",
      ]);
      expect(shown.stdout).toBe("green\n4755 12:34\nDockerfile\nkept\nalcove0\nlo\n1234\n");
    },
    5 * minute,
  );

  test(
    "a step that fails is told with its last lines, and so is a file outside the context",
    async () => {
      const failing = build("failing", [
        `FROM ${base}:1`,
        "USER root",
        "RUN echo what I did; echo what I lack >&2; exit 3",
      ]);
      await expect(failing).rejects.toThrow(
        /could not be built[\s\S]*what I did[\s\S]*what I lack[\s\S]*exit status 3/,
      );
      const image = await daemon.alcove.images.get("failing");
      expect(image).toMatchObject({ state: "Failed", log: expect.stringContaining("what I lack") });
      const outside = build("failing", ["FROM scratch", "COPY ../../../etc/containers/policy.json /"]);
      await expect(outside).rejects.toThrow(/no such file|not found/i);
      await expect(build("failing", ["FROM scratch"], { dockerfile: "../Dockerfile" })).rejects.toThrow("has no file");
      await expect(build("failing", [`FROM ${registry.host}/none:1`])).rejects.toThrow("has no such image");
      expect(await machines()).toEqual([]);
    },
    5 * minute,
  );

  test.each(isLong ? exampleLines : exampleLines.slice(0, 1))(
    "%s",
    async (line, version) => {
      const lines = [
        `FROM ${base}:1 AS test`,
        "USER root",
        "ARG VERSION=1",
        "RUN echo $VERSION > /version",
        "FROM test",
      ];
      await mkdir(join(context, "tools"));
      for (const place of ["", "tools"]) await writeFile(join(context, place, "Dockerfile"), `${lines.join("\n")}\n`);
      const environment = { ...process.env, ...daemon.clientEnvironment };
      const [, ...words] = line.split(" ");
      await run(commandLine, words, { workingDirectory: context, environment, timeoutMs: 4 * minute });
      await using sandbox = await Sandbox.create({ image: "tools", memory, alcove: daemon.alcove });
      expect((await sandbox.exec(["cat", "/version"])).stdout).toBe(version);
    },
    5 * minute,
  );

  test(
    "a step that fills the disk, or forks without end, ends the build; others go on meanwhile",
    async () => {
      const filling = "RUN for i in 1 2 3; do /bin/busybox fallocate -l 16000000000 /full$i; done; test -s /full3";
      await expect(build("full", [`FROM ${base}:1`, "USER root", filling])).rejects.toThrow(/No space left/);
      await daemon.stop();
      await daemon.restart({ ALCOVE_IMAGE_BUILD_TIMEOUT_MS: "10000" });
      const forking = build("forking", [`FROM ${base}:1`, "USER root", "RUN f() { f | f & f; }; f"]).catch(
        (error) => error,
      );
      await using sandbox = await Sandbox.create({ image: "debian", memory, alcove: daemon.alcove });
      for (let turn = 0; turn < 5; turn += 1) expect((await sandbox.exec("echo here")).stdout).toBe("here\n");
      expect(await forking).toMatchObject({ code: "ImageNotReady" });
      expect(await machines()).toEqual([sandbox.id]);
    },
    8 * minute,
  );

  test(
    "the image is deleted while it is built, or the daemon dies: the machine goes, and the name can be built anew",
    async () => {
      const endless = [`FROM ${base}:1`, "USER root", "RUN echo begun; sleep 1000"];
      const begun = async () => {
        for (;;) {
          const image = await daemon.alcove.images.get("endless").catch(() => undefined);
          if (image?.log?.includes("begun\n")) return;
          await new Promise((resolve) => setTimeout(resolve, 200));
        }
      };
      await daemon.stop();
      await daemon.restart();
      const deleted = build("endless", endless).catch((error) => error);
      await begun();
      await daemon.alcove.images.delete("endless");
      expect(await deleted).toBeInstanceOf(Error);
      expect(await machines()).toEqual([]);
      const killed = build("endless", endless).catch((error) => error);
      await begun();
      await daemon.kill();
      await daemon.restart();
      expect(await daemon.alcove.images.get("endless")).toMatchObject({ state: "Failed" });
      expect(await machines()).toEqual([]);
      expect(await readdir(join(daemon.dataDirectory, "images"))).not.toContainEqual(
        expect.stringMatching(/^building-/),
      );
      expect(await killed).toBeInstanceOf(Error);
    },
    5 * minute,
  );
});
