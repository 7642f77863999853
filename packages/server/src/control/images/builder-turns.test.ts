import { tiers } from "@alcove/contract";
import { expect, test } from "vitest";
import type { Limits } from "../../lifecycle/capacity.js";
import { Admission } from "../sandboxes/admission.js";
import { BuilderTurns } from "./builder-turns.js";

const idle = new AbortController().signal;
const builderMiB = tiers.XS.memoryMiB;
const engine = { builders: { size: tiers.XS }, cost: () => ({ memoryMiB: builderMiB }) };

function admissionWith({ promisedMiB = 100_000, timeoutMs = 10_000 } = {}): Admission {
  const limits: Limits = {
    ...{ promisedMemoryMiB: promisedMiB, usableMemoryMiB: 100_000, reservedMemoryMiB: 0 },
    ...{ cores: 1, concurrentStarts: 4 },
  };
  return new Admission({ limits, availableMemoryMiB: () => 100_000, timeoutMs });
}

/** Work that notes its beginning and goes on until it is told. */
class Works {
  readonly begun: string[] = [];
  readonly #ends = new Map<string, (error?: Error) => void>();
  readonly #turns: BuilderTurns;

  constructor(turns: BuilderTurns) {
    this.#turns = turns;
  }

  begin(group: string, name: string, signal = idle): Promise<void> {
    return this.#turns.take(group, signal, (onStarted) => {
      this.begun.push(name);
      onStarted();
      return new Promise<void>((resolve, reject) =>
        this.#ends.set(name, (error) => (error === undefined ? resolve() : reject(error))),
      );
    });
  }

  end(name: string, error?: Error): void {
    this.#ends.get(name)?.(error);
  }
}

test("one builder of a group at a time, two in all, and groups take turns in the order in which they came", async () => {
  const works = new Works(new BuilderTurns(admissionWith(), engine));
  const all = [
    works.begin("a", "a1"),
    works.begin("a", "a2"),
    works.begin("b", "b1"),
    works.begin("c", "c1"),
    works.begin("b", "b2"),
  ];
  await expect.poll(() => works.begun).toEqual(["a1", "b1"]);
  works.end("a1");
  await expect.poll(() => works.begun).toEqual(["a1", "b1", "c1"]);
  works.end("b1");
  await expect.poll(() => works.begun).toEqual(["a1", "b1", "c1", "a2"]);
  works.end("c1");
  await expect.poll(() => works.begun).toEqual(["a1", "b1", "c1", "a2", "b2"]);
  works.end("a2");
  works.end("b2");
  await Promise.all(all);
});

test("a builder takes its memory from sandboxes until it is over, however it ends", async () => {
  const admission = admissionWith();
  const works = new Works(new BuilderTurns(admission, engine));
  const one = works.begin("a", "one");
  await expect.poll(() => admission.committedMiB).toBe(builderMiB);
  works.end("one");
  await one;
  expect(admission.committedMiB).toBe(0);
  const failing = works.begin("a", "failing");
  await expect.poll(() => admission.committedMiB).toBe(builderMiB);
  works.end("failing", new Error("no tar"));
  await expect(failing).rejects.toThrow("no tar");
  expect(admission.committedMiB).toBe(0);
});

test("a builder waits until sandboxes have left room for it", async () => {
  const admission = admissionWith({ promisedMiB: builderMiB + 1 });
  const sandbox = { id: "s", group: "a" };
  admission.started(sandbox, { memoryMiB: 2, cpuMillicores: 1 });
  const works = new Works(new BuilderTurns(admission, engine));
  const building = works.begin("b", "b1");
  const aborted = new AbortController();
  const leaving = works.begin("c", "c1", aborted.signal);
  aborted.abort(new Error("deleted"));
  await expect(leaving).rejects.toThrow("deleted");
  expect(works.begun).toEqual([]);
  admission.release(sandbox.id);
  await expect.poll(() => works.begun).toEqual(["b1"]);
  works.end("b1");
  await building;
});

test("what waited too long, or can never fit, is refused with what it was and the figures", async () => {
  const full = admissionWith({ promisedMiB: builderMiB, timeoutMs: 20 });
  full.started({ id: "s", group: "a" }, { memoryMiB: 1, cpuMillicores: 1 });
  await expect(new Works(new BuilderTurns(full, engine)).begin("a", "x")).rejects.toMatchObject({
    code: "CapacityExceeded",
    message: expect.stringMatching(/no room for the machine that makes the image's disk within .* MiB/),
  });
  const tiny = admissionWith({ promisedMiB: builderMiB - 1 });
  await expect(new Works(new BuilderTurns(tiny, engine)).begin("a", "x")).rejects.toMatchObject({
    code: "CapacityExceeded",
    message: `The host has ${builderMiB - 1} MiB of memory for sandboxes; the machine that makes the image's disk needs ${builderMiB} MiB.`,
    field: undefined,
  });
});
