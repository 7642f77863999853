/** How much a caller may ask for: requests per minute, and at once; how often an address may guess wrong. In memory: a restart forgives. */
import { AlcoveError } from "@alcove/contract";
import type { Caller } from "../control/access/access-control.js";
import { networkOf } from "../lib/network-of.js";
import { TokenBucket } from "../lib/token-bucket.js";

export interface Allowances {
  /** Takes one of the caller's requests, and of its group's; TooManyRequests with the time to wait where none is left. */
  take(caller: Caller, group: string | undefined): Allowance | undefined;
  /** Takes one of the address's wrong guesses. */
  takeFailure(peer: string | undefined): void;
  /** Counts what is under way, of the caller and in the group; answers how to say that it is over. */
  enter(caller: Caller, group: string | undefined): () => void;
}

/** What is left, for the headers of the answer. */
export interface Allowance {
  readonly limit: number;
  readonly left: number;
  readonly resetSeconds: number;
}

/** What a key asks at once may be what it has for this long. */
const burstSeconds = 10;
/** Of all callers of a group together, however many keys its owners make. */
const ofGroup = { capacity: 5_000, perMinute: 30_000 };
const failures = { capacity: 60, perMinute: 60 };
const bucketsKept = 10_000;
/** Of the connections that the daemon takes, one group has at most a quarter and one key an eighth. */
const atOnce = { caller: 256, group: 512 };

export function createAllowances(now: () => number = Date.now): Allowances {
  const callers = new Map<string, TokenBucket>();
  const groups = new Map<string, TokenBucket>();
  const peers = new Map<string, TokenBucket>();
  const underWay = new Map<string, number>();
  return {
    take(caller, group) {
      const { principal, requestsPerMinute } = caller;
      if (requestsPerMinute === undefined) return undefined;
      const capacity = Math.max(1, Math.ceil((requestsPerMinute * burstSeconds) / 60));
      const bucket = bucketOf(callers, principal, { capacity, perMinute: requestsPerMinute, now: now() });
      const waitMs = bucket.take(now());
      if (waitMs > 0) throw tooMany(`More than ${requestsPerMinute} requests a minute came from this caller.`, waitMs);
      if (!caller.isAdmin) for (const name of chargedGroups(caller, group)) takeOfGroup(groups, name, now());
      const resetSeconds = Math.ceil(bucket.untilFull(now()) / 1_000);
      return { limit: requestsPerMinute, left: bucket.left(now()), resetSeconds };
    },
    takeFailure(peer) {
      const bucket = bucketOf(peers, networkOf(peer), { ...failures, now: now() });
      const waitMs = bucket.take(now());
      if (waitMs > 0) throw tooMany("Too many keys that are not known came from this address.", waitMs);
    },
    enter({ principal, isAdmin }, group) {
      if (isAdmin) return () => undefined;
      const places = [
        { name: principal, limit: atOnce.caller, whose: "this caller" },
        ...(group === undefined ? [] : [{ name: `in ${group}`, limit: atOnce.group, whose: `the group ${group}` }]),
      ];
      const full = places.find(({ name, limit }) => (underWay.get(name) ?? 0) >= limit);
      if (full) throw tooMany(`${full.limit} requests and streams of ${full.whose} are under way already.`, 1_000);
      for (const { name } of places) underWay.set(name, (underWay.get(name) ?? 0) + 1);
      return once(() => {
        for (const { name } of places) leave(underWay, name);
      });
    },
  };
}

/** The group of the path, where the caller has a role there, and the one that its key was made for. */
function chargedGroups({ roles, scopes }: Caller, group: string | undefined): Set<string> {
  const [only, ...others] = scopes;
  const own = only !== undefined && others.length === 0 ? [only.group] : [];
  return new Set([...own, ...(group !== undefined && roles.has(group) ? [group] : [])]);
}

function takeOfGroup(groups: Map<string, TokenBucket>, group: string, now: number): void {
  const waitMs = bucketOf(groups, group, { ...ofGroup, now }).take(now);
  if (waitMs > 0)
    throw tooMany(`More than ${ofGroup.perMinute} requests a minute came from the group ${group}.`, waitMs);
}

function bucketOf(
  buckets: Map<string, TokenBucket>,
  name: string,
  size: ConstructorParameters<typeof TokenBucket>[0],
): TokenBucket {
  const bucket = buckets.get(name) ?? new TokenBucket(size);
  // A map keeps the order in which its names came: the first is the one that was asked for longest ago.
  buckets.delete(name);
  buckets.set(name, bucket);
  const [oldest] = buckets.keys();
  if (buckets.size > bucketsKept && oldest !== undefined) buckets.delete(oldest);
  return bucket;
}

function tooMany(detail: string, retryAfterMs: number): AlcoveError {
  return new AlcoveError("TooManyRequests", detail, { retryAfterMs });
}

function leave(underWay: Map<string, number>, name: string): void {
  const left = (underWay.get(name) ?? 1) - 1;
  if (left === 0) underWay.delete(name);
  else underWay.set(name, left);
}

function once(act: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) act();
    isDone = true;
  };
}
