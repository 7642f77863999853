/**
 * Attempts to get bytes out of a sandbox past its policy, made by programs in it. Whether one went through, what listens outside says. Each is made
 * with another token where nothing is in its way too, and has to arrive there.
 */
import type { Sandbox } from "alcove";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestDaemon } from "../harness/daemon.js";
import { allAttempts } from "./bypass/all-attempts.js";
import type { PolicyTried } from "./bypass/attempt.js";
import { Canaries } from "./bypass/canaries.js";
import { allAllowed, overridesOf, policiesTried } from "./bypass/policies.js";
import { createSandbox, startDaemon } from "./bypass/setting.js";
import { tokensFor, tryDirectly, tryInside } from "./bypass/trial.js";

const canaries = await Canaries.start();
const { ground } = canaries;
const overrides = overridesOf(ground);
const attempts = allAttempts(ground);
const possible = attempts.filter(({ lacks }) => lacks === undefined);
const tried = tokensFor(possible);
const controls = tokensFor(possible);
let daemon: TestDaemon;
let sandbox: Sandbox;

beforeAll(async () => {
  daemon = await startDaemon(canaries);
  const direct = tryDirectly(
    only(controls, ({ control }) => control === "direct"),
    overrides,
  );
  sandbox = await createSandbox(daemon, allAllowed(ground));
  const known = await tryInside(
    sandbox,
    only(controls, ({ control }) => control !== "direct"),
  );
  await direct;
  for (const [name, policy] of Object.entries(policiesTried(ground))) {
    await sandbox.setEgressPolicy(policy);
    await tryInside(
      sandbox,
      only(tried, ({ under = "public" }) => under === (name as PolicyTried)),
      known,
    );
  }
}, 600_000);
afterAll(async () => {
  await canaries[Symbol.asyncDispose]();
  await daemon?.[Symbol.asyncDispose]();
});

describe.each(["public", "open", "closed", "seen"] as const)("under the policy %s", (policy) => {
  for (const attempt of attempts.filter(({ under = "public" }) => under === policy)) {
    const { name, lacks, isAllowed = false } = attempt;
    test(lacks === undefined ? name : `${name}: ${lacks}`, (context) => {
      if (lacks !== undefined) context.skip();
      expect(canaries.whatHas(controls.get(attempt) ?? ""), "with nothing in the way").not.toEqual([]);
      const arrived = canaries.whatHas(tried.get(attempt) ?? "");
      if (isAllowed) expect(arrived).not.toEqual([]);
      else expect(arrived).toEqual([]);
    });
  }
});

function only(tokens: typeof tried, isMeant: (attempt: (typeof attempts)[number]) => boolean): typeof tried {
  return new Map([...tokens].filter(([attempt]) => isMeant(attempt)));
}
