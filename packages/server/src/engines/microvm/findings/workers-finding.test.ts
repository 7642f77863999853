import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { workersFinding } from "./workers-finding.js";

const soon = () => AbortSignal.timeout(20_000);

test("a host that has setpriv can start workers", async () => {
  expect(await workersFinding(soon())).toMatchObject({ check: "workers", level: "ok" });
});

test("one without it, or with one that cannot do it, is told what to install", async () => {
  const place = await mkdtemp(join(tmpdir(), "alcove-"));
  onTestFinished(() => rm(place, { recursive: true }));
  const other = join(place, "setpriv");
  await writeFile(other, "#!/bin/sh\necho 'unrecognized option --no-new-privs' >&2\nexit 1\n", { mode: 0o755 });
  const remedy = expect.stringContaining("util-linux");
  expect(await workersFinding(soon(), join(place, "none"))).toMatchObject({ level: "error", remedy });
  const sentence = expect.stringContaining("unrecognized option");
  expect(await workersFinding(soon(), other)).toMatchObject({ level: "error", remedy, sentence });
});
