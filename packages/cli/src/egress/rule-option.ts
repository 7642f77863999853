/** What `--rule` says about a host or about requests, as people and ACA's own command line write it. */
import { EgressRule, faultWords, readHostPattern } from "@alcove/contract";
import { InvalidArgumentError } from "commander";

type Match = EgressRule["match"];

/** A host as a whole, or what a rule that has no name yet looks for. */
export interface Entry {
  readonly action: "Allow" | "Deny";
  readonly match: Match;
}

const target = /^(?:(https?|tcp):\/\/)?(\[[^\]]*\]|[^/:?#@\s]+)(?::(\d{1,5}))?(\/[^?#\s]*)?$/;
const form = "such as 'allow GET https://api.example.com/repos/**', 'deny *.example.com' or '*.example.com:Allow'";

/** Gathers a repeated option. */
export function ruleEntries(text: string, before: readonly Entry[] = []): readonly Entry[] {
  return [...before, entryOf(text)];
}

function entryOf(text: string): Entry {
  const words = text.trim().split(/\s+/);
  const [, pattern, verdict] = /^(\S+):(allow|deny)$/i.exec(text.trim()) ?? [];
  if (pattern !== undefined) return checked({ action: actionOf(verdict), match: { host: pattern } });
  const [verb = "", ...rest] = words;
  if (!/^(allow|deny)$/i.test(verb) || rest.length < 1 || rest.length > 2)
    throw new InvalidArgumentError(`It must be a rule ${form}.`);
  const [methods, where = ""] = rest.length === 1 ? [undefined, rest[0]] : rest;
  return checked({ action: actionOf(verb), match: { ...matchOf(where), ...(methods && { methods: list(methods) }) } });
}

function actionOf(word = ""): Entry["action"] {
  return word.toLowerCase() === "allow" ? "Allow" : "Deny";
}

function list(methods: string): string[] {
  return methods.toUpperCase().split(",");
}

function matchOf(where: string): Match {
  const [, scheme, host, port, path] = target.exec(where) ?? [];
  if (host === undefined)
    throw new InvalidArgumentError(`${where} must be a host or a URL, without a user, a query or a fragment, ${form}.`);
  return {
    host: host.replace(/^\[(.*)\]$/, "$1"),
    ...(scheme !== undefined && { scheme: scheme as "http" | "https" | "tcp" }),
    ...(port !== undefined && { ports: [Number(port)] }),
    ...(path !== undefined && { path }),
  };
}

/** By the contract, so that what is wrong is told by the option and not by a place in a policy that nobody wrote. */
function checked({ action, match }: Entry): Entry {
  const read = readHostPattern(match.host);
  if ("message" in read) throw new InvalidArgumentError(`The host ${match.host} ${read.message}. ${read.hint ?? ""}`);
  const { error } = EgressRule.safeParse({ name: "rule", match, action: { type: action } }, { error: faultWords });
  const [issue] = error?.issues ?? [];
  if (issue === undefined) return { action, match };
  throw new InvalidArgumentError(`Its ${issue.path.slice(1).join(" ")} ${issue.message}.`);
}
