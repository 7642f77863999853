/** Egress policies in files, as YAML, of which JSON is a part. What they mean is the server's to judge. */
import { readFile } from "node:fs/promises";
import type { EgressPolicy } from "alcove";
import { UsageError } from "../exit-codes.js";

const hint = "`alcove egress init` prints a policy to begin with.";

export async function readPolicy(path: string): Promise<EgressPolicy> {
  const { parse } = await import("yaml");
  let value: unknown;
  try {
    value = parse(await readFile(path, "utf8"));
  } catch (failure) {
    const [why] = (failure as Error).message.split("\n");
    throw new UsageError(`The policy ${path} cannot be read: ${why}`, hint);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as EgressPolicy;
  throw new UsageError(`The file ${path} has no policy in it.`, hint);
}

/** What `alcove egress init` prints. */
export const firstPolicy = `# What a sandbox may reach. docs/egress.md says what each part means.
defaultAction: Deny
trafficInspection: Full
# The first rule that matches decides. Without a scheme a rule that allows is for https alone.
rules:
  - name: read-github
    match:
      host: "*.github.com" # github.com too
      methods: [GET, HEAD]
    action:
      type: Allow
  - name: push
    match:
      host: github.com
      path: /my-team/**
    action:
      type: Allow
# After the rules.
hostRules:
  - pattern: pypi.org
    action: Allow
  - pattern: "*.pythonhosted.org"
    action: Allow
`;
