import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Real ones beside what they try: of the engine, of daemons as processes, of packages that npm installs. The rest is in tests/. */
const realBesideSource = [
  "packages/server/src/engines/microvm/microvm.test.ts",
  "packages/server/src/main.test.ts",
  "packages/sdk/tests/local.test.ts",
  "packages/sdk/tests/pack.test.ts",
  // A neighbour of a hostile sandbox is answered in time.
  "packages/server/src/egress/gateway-hostile.test.ts",
];

/** Real ones that have directories of their own, and little that is measured in time. */
const realWithOwnDirectories = [
  "packages/sdk/tests/{local,pack}.test.ts",
  "packages/server/src/main.test.ts",
  "packages/server/src/engines/microvm/microvm.test.ts",
  "tests/e2e/{backup,cgroup-v2,code,crash-points,crash-random,cycles,docs,egress,freed-space,identity,inside}.test.ts",
  "tests/e2e/{packed-memory,ports,readme,relay,secrets,sign-in,sleep,terminal,time,traces,upgrade,volume-snapshots,volumes}.test.ts",
  "tests/security/{bypass,bypass-in-time,disk-and-memory,full-disk,guest-floods,hazards,hostile-preview,played-floods,port-scan}.test.ts",
  "tests/cli/{cli,completion,config,examples,exit-codes,images,launcher,login,watch}.test.ts",
  "tests/{compat,engines,fuzz,images}/**/*.test.ts",
];

/** Images of some take minutes to make, and their programs minutes to run; a minute for Vite. */
const inSoakAlone = ["tests/e2e/{postgresql,programs,vite}.test.ts"];

/** They measure the memory of the process that they are in. */
const measuring = ["packages/sdk/tests/spawn.test.ts", "packages/server/src/guest/{agent,hello,hostile}.test.ts"];

/** Of `expect.poll`: hosts may be slow, and what never comes is a fault all the same. */
const patientPoll = { expect: { poll: { timeout: 20_000 } } };

/** One that takes long is not held up by another beside it. Vitest's own default leaves a core idle: of two, half. */
const everyCore = {
  ...patientPoll,
  maxWorkers: "100%",
  testTimeout: 60_000,
  setupFiles: ["tests/harness/leave-as-found.ts"],
};

/** By what they take: begun last, one of them would be alone at the end with a core idle beside it. */
const longest = [
  "crash-points",
  "dockerfile",
  "fuzz",
  "examples",
  "cycles",
  "builder-trouble",
  "images-like-docker",
  "builder",
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const index = longest.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`));
      return index < 0 ? longest.length : index;
    };
    return (await super.sort(files)).toSorted((one, other) => rank(one) - rank(other));
  }
}

const patience = {
  ...patientPoll,
  setupFiles: ["tests/harness/end-with-vitest.ts"],
  testTimeout: 120_000,
  hookTimeout: 180_000,
};

/**
 * - fast: seconds; with fast-alone what `./dev check` runs. Files share a process, one after the other: loading the
 *   same modules anew for each would take half as long again as the tests.
 * - fast-alone: the same, for files that need a process of their own.
 * - real: machines, daemons, images; one file after the other, since each wants the whole host, and the data directory
 *   with the image and its templates.
 * - real-beside: the same, two at a time.
 * - soak: long ones, and all that some of the others can do; only by `./dev soak`.
 */
export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: "fast",
          include: [
            "packages/*/src/**/*.test.ts",
            "packages/*/tests/**/*.test.ts",
            "bench/**/*.test.ts",
            "tests/{boundaries,docs}/**/*.test.ts",
            "tools/**/*.test.ts",
          ],
          exclude: ["**/dist/**", ...realBesideSource, ...measuring],
          isolate: false,
          ...everyCore,
        },
      },
      { test: { name: "fast-alone", include: measuring, ...everyCore } },
      {
        test: {
          name: "real",
          include: ["tests/{cli,e2e,security}/**/*.test.ts", ...realBesideSource],
          exclude: ["**/dist/**", ...realWithOwnDirectories, ...inSoakAlone],
          fileParallelism: false,
          ...patience,
        },
      },
      {
        test: {
          name: "real-beside",
          include: realWithOwnDirectories,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
          ...patience,
        },
      },
      {
        test: {
          name: "soak",
          include: [
            "tests/soak/**/*.test.ts",
            "tests/e2e/{crash-points,crash-random,cycles}.test.ts",
            ...inSoakAlone,
            "tests/fuzz/fuzz.test.ts",
            "tests/security/{guest,played}-floods.test.ts",
            "tests/compat/images-like-docker.test.ts",
            "tests/images/{dockerfile,recipe-build}.test.ts",
            "packages/server/src/egress/{dns/dns,tls/client-hello,http/fuzz}.test.ts",
          ],
          ...patientPoll,
          env: { ALCOVE_TEST_LONG: "1" },
          exclude: ["**/dist/**"],
          setupFiles: ["tests/harness/end-with-vitest.ts"],
          fileParallelism: false,
          testTimeout: 3_600_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
