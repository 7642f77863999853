/**
 * What every engine must do, as one vitest suite. An engine's own test calls it:
 *
 *   describeEngine("fake", async () => ({ createEngine, disk, size, powerOff, residue, dispose }), { timeoutMs: 10_000 });
 *
 * To add a case: 1. the file of its subject under suite/  2. `subject.case(title, …)` with a sentence as its title. A case can be
 * skipped by its title only with a reason that names what the engine lacks.
 */

import type { Size } from "@alcove/contract";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DiskImage, Engine } from "./engine.js";
import { builderCases } from "./suite/builder.js";
import { execCases } from "./suite/execs.js";
import { fileCases } from "./suite/files.js";
import { machineCases } from "./suite/machines.js";
import { outputCases } from "./suite/output.js";
import { recoveryCases } from "./suite/recovery.js";
import { snapshotCases } from "./suite/snapshots.js";
import { Subject } from "./suite/subject.js";
import { suspensionCases } from "./suite/suspension.js";

/** One engine on one host, for the length of the suite. */
export interface EngineUnderTest {
  /** Makes the engine anew on the same host, as a restart of the daemon does; called several times. */
  createEngine(): Engine | Promise<Engine>;
  readonly disk: DiskImage;
  readonly size: Size;
  /** Makes a disk for a builder: the path of a raw image with an empty file system. */
  emptyDisk(): Promise<string>;
  /** A program that makes the guest power itself off, run as root. */
  readonly powerOff: readonly string[];
  /** Everything of machines that is on the host: processes, directories, sockets, cgroups; empty when none are left. */
  residue(): Promise<readonly string[]>;
  dispose(): Promise<void>;
}

export interface SuiteOptions {
  /** For each case; the first one may take the time of making a template. */
  readonly timeoutMs: number;
  readonly templateTimeoutMs?: number;
  /** Title of a case → why the engine cannot pass it. */
  readonly skip?: Readonly<Record<string, string>>;
}

export function describeEngine(name: string, make: () => Promise<EngineUnderTest>, options: SuiteOptions): void {
  const templateTimeoutMs = options.templateTimeoutMs ?? options.timeoutMs;
  describe(`engine ${name}`, () => {
    const subject = new Subject(options);
    beforeAll(async () => await subject.begin(await make(), templateTimeoutMs), templateTimeoutMs);
    afterAll(async () => await subject.end(), options.timeoutMs);
    machineCases(subject);
    execCases(subject);
    outputCases(subject);
    fileCases(subject);
    builderCases(subject);
    recoveryCases(subject);
    suspensionCases(subject);
    snapshotCases(subject);
    test("every skipped case is one of the suite's", () => {
      expect(subject.titles).toEqual(expect.arrayContaining(Object.keys(options.skip ?? {})));
    });
  });
}
