/** Egress policies in files, as YAML, of which JSON is a part. What they mean is the server's to judge. */
import { readFile } from "node:fs/promises";
import { AdobeEgress, adobeEgressIn, faultWords, fromAdobe } from "@alcove/contract";
import type { EgressPolicy } from "alcove";
import { UsageError } from "../exit-codes.js";
import { fieldOf } from "../field-path.js";

const hint = "`alcove egress init` prints a policy to begin with.";

/** What a file has in it, not judged. */
export interface PolicyFile {
  readonly value: unknown;
  /** Of what stands at this place, or of the nearest that holds it; undefined where there is none. */
  lineOf(place: readonly PropertyKey[]): number | undefined;
}

/** What is wrong at one place of what was read. */
export interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  /** What stands there and is not known. */
  readonly keys?: readonly string[];
}

/** A policy in our form or in Adobe's, which is translated. */
export async function readPolicy(path: string): Promise<EgressPolicy> {
  const file = await readPolicyFile(path);
  const { value } = file;
  const adobe = adobeEgressIn(value);
  if (adobe !== undefined) {
    const { data, error } = AdobeEgress.safeParse(adobe.entries, { error: faultWords });
    if (data !== undefined) return fromAdobe(data);
    const issues = error.issues.map(({ message, path: within }) => ({ message, path: [...adobe.place, ...within] }));
    throw invalid(path, file, issues);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as EgressPolicy;
  throw new UsageError(`The file ${path} has no policy in it.`, hint);
}

export async function readPolicyFile(path: string): Promise<PolicyFile> {
  const [{ LineCounter, parseDocument }, { placeOf }] = await Promise.all([import("yaml"), import("../yaml-place.js")]);
  try {
    const lineCounter = new LineCounter();
    const document = parseDocument(await readFile(path, "utf8"), { lineCounter });
    const [fault] = document.errors;
    if (fault !== undefined) throw fault;
    const value: unknown = document.toJS();
    return { value, lineOf: (place) => placeOf(document, place, lineCounter)?.line };
  } catch (failure) {
    const [why] = (failure as Error).message.split("\n");
    throw new UsageError(`The policy ${path} cannot be read: ${why}`, hint);
  }
}

/** Each by its line. */
export function invalid(path: string, file: PolicyFile, issues: readonly Issue[]): UsageError {
  const at = (place: readonly PropertyKey[], sentence: string) => {
    const line = file.lineOf(place);
    return `${path}${line === undefined ? "" : `:${line}`}: ${sentence}`;
  };
  const told = issues.flatMap(({ path: place, message, keys }) => {
    const unknown = keys?.map((key) => [...place, key]);
    return (
      unknown?.map((field) => at(field, `There is no field ${fieldOf(field)}.`)) ?? [
        at(place, `${fieldOf(place)} ${message}`),
      ]
    );
  });
  return new UsageError(
    told.join("\n"),
    "docs/egress.md says what each part means; `alcove egress schema` is for editors.",
  );
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
