/** Files that share a process leave it as they found it, so that their order says nothing. */
import { afterAll, beforeAll, expect } from "vitest";

let environment: NodeJS.ProcessEnv;
let workingDirectory: string;

beforeAll(() => {
  environment = { ...process.env };
  workingDirectory = process.cwd();
});

afterAll(() => {
  expect(changedVariables(), "variables of the environment that this file leaves changed").toEqual([]);
  expect(process.cwd(), "the working directory that this file leaves").toBe(workingDirectory);
});

/** Their names only: values may be secret. */
function changedVariables(): readonly string[] {
  const names = new Set([...Object.keys(environment), ...Object.keys(process.env)]);
  return [...names].filter((name) => process.env[name] !== environment[name]);
}
