/**
 * What was decided about sandboxes' connections: the last of each for who asks, all of them for who follows and for the audit
 * file. It is bounded, and waits for nobody: a follower that is too slow is told how many it missed.
 */
import type { EgressDecision, EgressDecisionLine, EgressDecisions } from "@alcove/contract";
import { Change } from "../../lib/change.js";

const listed = 50;
const queued = 1_000;
const followedAtOnce = 64;
const longestShown = 512;

interface Lists {
  readonly allowed: EgressDecision[];
  readonly denied: EgressDecision[];
}

interface Entry {
  readonly http: Lists;
  readonly tcp: Lists;
  readonly dns: Lists;
  readonly counts: { allowed: number; denied: number };
  lastUpdated: string;
  readonly followers: Set<Follower>;
}

interface Follower {
  readonly lines: EgressDecisionLine[];
  lost: number;
}

export class DecisionLog {
  readonly #entries = new Map<string, Entry>();
  readonly #change = new Change();
  #isEnded = false;

  note(sandboxId: string, decision: EgressDecision): void {
    const entry = this.#entries.get(sandboxId) ?? this.#begin(sandboxId);
    const list = decision.verdict === "Allow" ? "allowed" : "denied";
    entry[kindOf(decision)][list].unshift(shortened(decision));
    entry[kindOf(decision)][list].splice(listed);
    entry.counts[list] += 1;
    entry.lastUpdated = decision.timestamp;
    for (const follower of entry.followers) tell(follower, decision);
    if (entry.followers.size > 0) this.#change.announce();
  }

  /** There were more, which nobody knows: who follows is told how many. */
  omit(sandboxId: string, omitted: number): void {
    for (const follower of this.#entries.get(sandboxId)?.followers ?? []) follower.lost += omitted;
    this.#change.announce();
  }

  of(sandboxId: string): EgressDecisions {
    const entry = this.#entries.get(sandboxId);
    const { http, tcp, dns, counts } = entry ?? emptyEntry();
    return {
      ...{ http: shown(http), tcp: shown(tcp), dns: shown(dns), counts: { ...counts } },
      ...(entry !== undefined && entry.lastUpdated !== "" && { lastUpdated: entry.lastUpdated }),
    };
  }

  /** From the moment of this call on. Undefined where too many follow it already. */
  follow(sandboxId: string, signal: AbortSignal): AsyncIterable<EgressDecisionLine> | undefined {
    const entry = this.#entries.get(sandboxId) ?? this.#begin(sandboxId);
    if (entry.followers.size >= followedAtOnce) return undefined;
    const follower: Follower = { lines: [], lost: 0 };
    entry.followers.add(follower);
    const leave = () => {
      signal.removeEventListener("abort", leave);
      entry.followers.delete(follower);
    };
    signal.addEventListener("abort", leave, { once: true });
    const isOver = () => this.#isEnded || signal.aborted || this.#entries.get(sandboxId) !== entry;
    return this.#read(follower, isOver, leave, signal);
  }

  /** The sandbox is gone: so is what it did, and who follows it is through. */
  forget(sandboxId: string): void {
    if (this.#entries.delete(sandboxId)) this.#change.announce();
  }

  /** Ends every stream. */
  end(): void {
    this.#isEnded = true;
    this.#change.announce();
  }

  #begin(sandboxId: string): Entry {
    const entry = emptyEntry();
    this.#entries.set(sandboxId, entry);
    return entry;
  }

  async *#read(follower: Follower, isOver: () => boolean, leave: () => void, signal: AbortSignal) {
    try {
      for (;;) {
        for (let line = take(follower); line !== undefined; line = take(follower)) yield line;
        if (isOver()) return;
        const isMore = () => isOver() || follower.lines.length + follower.lost > 0;
        await this.#change.until(isMore, signal).catch(() => undefined);
      }
    } finally {
      leave();
    }
  }
}

function emptyEntry(): Entry {
  const lists = (): Lists => ({ allowed: [], denied: [] });
  return {
    ...{ http: lists(), tcp: lists(), dns: lists(), counts: { allowed: 0, denied: 0 }, lastUpdated: "" },
    followers: new Set(),
  };
}

function kindOf({ protocol }: EgressDecision): "http" | "tcp" | "dns" {
  return protocol === "https" ? "http" : protocol;
}

function tell(follower: Follower, decision: EgressDecision): void {
  if (follower.lines.length < queued) follower.lines.push(decision);
  else follower.lost += 1;
}

/** What was lost came behind all that is queued. */
function take(follower: Follower): EgressDecisionLine | undefined {
  const line = follower.lines.shift();
  if (line !== undefined || follower.lost === 0) return line;
  const { lost } = follower;
  follower.lost = 0;
  return { lost };
}

/** A path may be as long as a request's head; the audit file has all of it. */
function shortened(decision: EgressDecision): EgressDecision {
  const { path } = decision;
  return path === undefined || path.length <= longestShown
    ? decision
    : { ...decision, path: `${path.slice(0, longestShown)}…` };
}

function shown({ allowed, denied }: Lists): EgressDecisions["http"] {
  return { allowed: allowed.map(toEntry), denied: denied.map(toEntry) };
}

function toEntry(decision: EgressDecision): EgressDecisions["http"]["allowed"][number] {
  const { protocol, rule } = decision;
  const scheme = protocol === "http" || protocol === "https" ? { scheme: protocol } : {};
  return { ...decision, ...scheme, matchedRule: rule };
}
