import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tiers } from "@alcove/contract";
import { expect, test } from "vitest";
import { createMicrovmEngine } from "../microvm.js";

test("a caller who gives up while the host is looked at ends nobody else's looking", async () => {
  const place = await mkdtemp(join(tmpdir(), "alcove-"));
  const directories = { dataDirectory: join(place, "data"), runtimeDirectory: join(place, "run") };
  const engine = createMicrovmEngine({ ...directories, guestDirectory: join(place, "none") });
  const disk = { name: "debian", digest: "d", path: join(place, "debian.raw"), warm: [] };
  const first = new AbortController();
  const one = engine.prepare(disk, tiers.XS, { signal: first.signal });
  const other = engine.prepare(disk, tiers.XS, { signal: new AbortController().signal });
  const gaveUp = expect(one).rejects.toThrow("gave up");
  const went = expect(other).rejects.toMatchObject({ code: "EngineUnavailable" });
  first.abort(new Error("gave up"));
  await Promise.all([gaveUp, went]);
  await engine.close();
  await rm(place, { recursive: true });
});
