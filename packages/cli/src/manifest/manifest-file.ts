/** Manifests in a file: YAML, of which JSON is a part, several documents one after the other. What is wrong is told by line and column. */
import { faultWords, manifestSchema, SandboxManifest } from "@alcove/contract";
import { type Document, isScalar, LineCounter, parseAllDocuments } from "yaml";
import { nearest } from "../did-you-mean.js";
import { UsageError } from "../exit-codes.js";
import { fieldOf } from "../field-path.js";
import { contentOf, nameOf, type Source } from "../file-content.js";
import { placeOf } from "../yaml-place.js";
import { knownFields } from "./known-fields.js";

const hint = "`alcove init` prints a manifest to begin with; docs/manifest.md says what each part means.";

interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  /** What stands there and is not known. */
  readonly keys?: readonly string[];
}

interface Read {
  readonly document: Document.Parsed;
  readonly counter: LineCounter;
}

/** Throws UsageError with everything that is wrong, a line each. */
export function readManifests(source: Source): SandboxManifest[] {
  const name = source === 0 ? "stdin" : source;
  const counter = new LineCounter();
  const documents = parseAllDocuments(contentOf(source, hint), { lineCounter: counter });
  const parsed = (Array.isArray(documents) ? documents : []).filter((document) => !isEmpty(document));
  if (parsed.length === 0) throw new UsageError(`There is no manifest in ${nameOf(source)}.`, hint);
  const faults: string[] = [];
  const manifests = parsed.flatMap((document) => {
    const { data, issues } = check(document);
    const tell = (issue: Issue) => sentences({ document, counter }, issue).map((sentence) => `${name}:${sentence}`);
    faults.push(
      ...syntaxFaults({ document, counter }).map((sentence) => `${name}:${sentence}`),
      ...issues.flatMap(tell),
    );
    return data === undefined ? [] : [{ data, document }];
  });
  const seen = new Set<string>();
  for (const { data, document } of manifests) {
    const twice = { path: ["name"], message: `${data.name} is there twice` };
    if (seen.has(data.name)) faults.push(...sentences({ document, counter }, twice).map((text) => `${name}:${text}`));
    seen.add(data.name);
  }
  if (faults.length > 0) throw new UsageError(faults.join("\n"), hint);
  return manifests.map(({ data }) => data);
}

/** Comments alone, or nothing between two lines of `---`. */
function isEmpty({ contents, errors }: Document.Parsed): boolean {
  return errors.length === 0 && (contents === null || (isScalar(contents) && contents.value === null));
}

function check(document: Document.Parsed): { data?: SandboxManifest; issues: readonly Issue[] } {
  if (document.errors.length > 0) return { issues: [] };
  try {
    const { data, error } = SandboxManifest.safeParse(document.toJS(), { error: faultWords });
    return data === undefined ? { issues: error.issues } : { data, issues: [] };
  } catch (failure) {
    return { issues: [{ path: [], message: `cannot be read: ${(failure as Error).message}` }] };
  }
}

function syntaxFaults({ document, counter }: Read): string[] {
  // After the first unexpected token all others are.
  const told = document.errors.filter(({ code }, at) => at === 0 || code !== "UNEXPECTED_TOKEN");
  return told.map(({ message, pos }) => {
    const { line, col } = counter.linePos(pos[0]);
    const [what = ""] = message.split("\n");
    return `${line}:${col}: ${what.replace(/ at line \d+, column \d+:?$/, "")}`;
  });
}

function sentences({ document, counter }: Read, { path, message, keys }: Issue): string[] {
  const at = (place: readonly PropertyKey[]) => {
    const found = placeOf(document, place, counter);
    return found === undefined ? "" : `${found.line}:${found.column}: `;
  };
  if (keys === undefined)
    return [`${at(path)}${fieldOf(path)} ${message}${path.length === 0 || /[.!]$/.test(message) ? "" : "."}`];
  const known = knownFields(manifestSchema(), path);
  return keys.map((key) => {
    const guess = nearest(key, known);
    const meant = guess === undefined ? `Known are ${known.join(", ")}.` : `Did you mean ${guess}?`;
    return `${at([...path, key])}There is no field ${fieldOf([...path, key])}. ${meant}`;
  });
}

/** What `alcove init` prints. */
export const firstManifest = `# yaml-language-server: $schema=sandbox.schema.json
# A sandbox. \`alcove apply\` makes it be there and be so; docs/manifest.md says what each part means.
# For an editor that checks while you write: alcove schema > sandbox.schema.json
name: example # what it is found by, as its label
image: debian
resources:
  cpu: "1"
  memory: 2Gi
  disk: 20Gi
labels:
  team: example
env:
  GREETING: hello
# A program that is started with it.
entrypoint: [sh, -c]
cmd: ["echo $GREETING; exec sleep infinity"]
lifecycle:
  autoSuspendPolicy:
    enabled: true
    interval: 600 # seconds without use
# Which of its ports others may come to: these, and no others.
ports:
  - port: 3000
    name: web
# Disks that outlive it: \`alcove volume create --size 1Gi data\` makes one.
# volumes:
#   - volumeName: data
#     mountpoint: /data
egressPolicy:
  defaultAction: Deny
  hostRules:
    - pattern: pypi.org
      action: Allow
    - pattern: "*.pythonhosted.org"
      action: Allow
`;
