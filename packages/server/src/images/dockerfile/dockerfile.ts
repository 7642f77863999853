/**
 * A Dockerfile, read for one thing: which images it stands on. They are fetched out here, where a registry can be reached, and
 * each gets a name of its own in the text that is built, so that inside nothing has to be looked for.
 */
import { AlcoveError } from "@alcove/contract";
import { DockerfileParser, type From } from "dockerfile-ast";
import { hostArchitecture } from "../oci/platform.js";

export interface ReadDockerfile {
  /** With the names of the bases in place of their references. */
  readonly text: string;
  readonly bases: readonly Base[];
}

/** An image that is to be there before the build. */
export interface Base {
  /** As the Dockerfile has it, with its variables filled in. */
  readonly reference: string;
  /** What the text that is built calls it. */
  readonly name: string;
}

/** The parser takes a quarter of a second for the oddest text of this length. */
export const maximumDockerfileBytes = 32_768;
const maximumBases = 16;
const maximumReferenceLength = 1_024;

export function readDockerfile(text: string, buildArgs: Readonly<Record<string, string>>): ReadDockerfile {
  const dockerfile = DockerfileParser.parse(text);
  const froms = dockerfile.getFROMs();
  if (froms.length === 0) throw refused("The Dockerfile has no FROM.");
  const variables = initialVariables(dockerfile.getInitialARGs(), buildArgs);
  const bases = new Map<string, Base>();
  const edits: Edit[] = [];
  const stages = new Set<string>();
  const standOn = (written: string, range: Range, filled: Readonly<Record<string, string>>) => {
    const reference = fill(written, filled);
    if (reference === "scratch" || stages.has(reference.toLowerCase())) return;
    edits.push({ range, name: baseOf(bases, reference).name });
  };
  for (const from of froms) {
    const [image, range] = [from.getImage(), from.getImageRange()];
    if (image === null || range === null) throw refused(`Line ${from.getRange().start.line + 1}: FROM names no image.`);
    standOn(image, range, variables);
    addStage(stages, from);
  }
  for (const copy of dockerfile.getCOPYs()) {
    const flag = copy.getFromFlag();
    const [source, range] = [flag?.getValue(), flag?.getValueRange()];
    if (source && range && !/^\d+$/.test(source)) standOn(source, range, {});
  }
  return { text: edited(text, edits), bases: [...bases.values()] };
}

type Range = NonNullable<ReturnType<From["getImageRange"]>>;

interface Edit {
  readonly range: Range;
  readonly name: string;
}

function addStage(stages: Set<string>, from: From): void {
  const stage = from.getBuildStage();
  if (stage !== null) stages.add(stage.toLowerCase());
}

function baseOf(bases: Map<string, Base>, reference: string): Base {
  const known = bases.get(reference);
  if (known !== undefined) return known;
  if (reference === "" || reference.length > maximumReferenceLength) throw refused("A FROM comes to no image's name.");
  if (bases.size >= maximumBases) throw refused(`The Dockerfile stands on more than ${maximumBases} images.`);
  const base = { reference, name: `localhost/base-${bases.size}:latest` };
  bases.set(reference, base);
  return base;
}

type InitialArgs = ReturnType<ReturnType<typeof DockerfileParser.parse>["getInitialARGs"]>;

/** What a FROM may name: the ARGs before the first one, and what every builder says about its machine. */
function initialVariables(args: InitialArgs, buildArgs: Readonly<Record<string, string>>): Record<string, string> {
  const platform = `linux/${hostArchitecture}`;
  const variables: Record<string, string> = {
    ...{ TARGETPLATFORM: platform, TARGETOS: "linux", TARGETARCH: hostArchitecture },
    ...{ BUILDPLATFORM: platform, BUILDOS: "linux", BUILDARCH: hostArchitecture },
  };
  for (const arg of args) {
    const property = arg.getProperty();
    if (!property) continue;
    const name = property.getName();
    const value = Object.hasOwn(buildArgs, name) ? buildArgs[name] : property.getValue();
    if (value !== undefined && value !== null) variables[name] = fill(value, variables);
  }
  return variables;
}

const variablePattern = /\$(?:(?<plain>\w+)|\{(?<name>\w+)(?:(?<how>:?[-+])(?<other>[^{}$]*))?\})/g;

/** `$A`, `${A}`, `${A:-other}`, `${A:+other}`. */
function fill(text: string, variables: Readonly<Record<string, string>>): string {
  return text.replace(variablePattern, (_all, ...found) => {
    const { plain, name = plain, how = "", other = "" } = found.at(-1) as Record<string, string | undefined>;
    const value = name !== undefined && Object.hasOwn(variables, name) ? variables[name] : undefined;
    const isSet = how.startsWith(":") ? value !== undefined && value !== "" : value !== undefined;
    if (how.endsWith("+")) return isSet ? other : "";
    return isSet ? (value ?? "") : other;
  });
}

function edited(text: string, edits: readonly Edit[]): string {
  const starts = [0, ...[...text.matchAll(/\r\n|\n|\r/g)].map((feed) => feed.index + feed[0].length)];
  const offsetOf = ({ line, character }: Range["start"]) => (starts[line] ?? text.length) + character;
  const ordered = edits.map(({ range, name }) => ({ start: offsetOf(range.start), end: offsetOf(range.end), name }));
  ordered.sort((one, other) => one.start - other.start);
  let at = 0;
  let result = "";
  for (const { start, end, name } of ordered) {
    result += text.slice(at, start) + name;
    at = end;
  }
  return result + text.slice(at);
}

function refused(sentence: string): AlcoveError {
  return new AlcoveError("InvalidRequest", sentence, { field: "dockerfile", hint: "Mend the Dockerfile." });
}
