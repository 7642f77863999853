/** How a sandbox, its snapshots, and what came from them hang together, as a tree. */
import type { Sandbox, Snapshot } from "@alcove/contract";

export interface TimelineNode {
  readonly kind: "sandbox" | "snapshot";
  readonly id: string;
  /** Its state, or status; `gone` where nothing is on record any more. */
  readonly state: string;
  readonly name?: string;
  readonly createdAt?: string;
  /** A sandbox that went back, and has not gone on from anywhere else since, is where this snapshot is. */
  readonly isHere?: true;
  readonly children: readonly TimelineNode[];
}

export interface Records {
  readonly sandboxes: readonly Sandbox[];
  readonly snapshots: readonly Snapshot[];
}

/** The whole tree that the sandbox is in. */
export function timelineOf(records: Records, sandboxId: string): TimelineNode {
  return sandboxNode(records, rootOf(records, sandboxId), new Set());
}

/** The sandbox that everything came from, as far as it is on record. */
function rootOf({ sandboxes, snapshots }: Records, start: string): string {
  const seen = new Set<string>();
  for (let id = start; ; ) {
    seen.add(id);
    const sandbox = sandboxes.find((one) => one.id === id);
    const source = snapshots.find((one) => one.id === sandbox?.sourcesRef.snapshot?.id);
    const above = source?.sandboxId ?? sandbox?.forkedFrom;
    if (above === undefined || seen.has(above)) return id;
    id = above;
  }
}

function sandboxNode(records: Records, id: string, seen: Set<string>): TimelineNode {
  seen.add(id);
  const sandbox = records.sandboxes.find((one) => one.id === id);
  const own = inOrder(records.snapshots.filter((one) => one.sandboxId === id));
  // Those that were taken after it went back to another one of its own hang there.
  const first = own.filter(({ parentId }) => !own.some((one) => one.id === parentId));
  const forks = inOrder(records.sandboxes.filter((one) => one.forkedFrom === id && !seen.has(one.id)));
  return {
    ...{ kind: "sandbox", id, state: sandbox?.state ?? "gone" },
    ...(sandbox && { createdAt: sandbox.createdAt }),
    children: [
      ...first.map((snapshot) => snapshotNode(records, snapshot, seen)),
      ...forks.map((fork) => sandboxNode(records, fork.id, seen)),
    ],
  };
}

function snapshotNode(records: Records, snapshot: Snapshot, seen: Set<string>): TimelineNode {
  const { id, name, status: state, sandboxId, createdAt } = snapshot;
  const later = inOrder(records.snapshots.filter((one) => one.sandboxId === sandboxId && one.parentId === id));
  const from = records.sandboxes.filter(({ sourcesRef }) => sourcesRef.snapshot?.id === id);
  const others = inOrder(from.filter((one) => one.id !== sandboxId && !seen.has(one.id)));
  return {
    ...{ kind: "snapshot", id, state, createdAt },
    ...(name === undefined ? {} : { name }),
    ...(from.some((one) => one.id === sandboxId) && { isHere: true }),
    children: [
      ...later.map((one) => snapshotNode(records, one, seen)),
      ...others.map((one) => sandboxNode(records, one.id, seen)),
    ],
  };
}

function inOrder<Thing extends { readonly createdAt: string }>(things: readonly Thing[]): Thing[] {
  return [...things].sort((one, other) => one.createdAt.localeCompare(other.createdAt));
}

/** A line for each node. */
export function timelineLines(node: TimelineNode, marked: string): string[] {
  return [lineOf(node, marked), ...branches(node.children, marked)];
}

function branches(children: readonly TimelineNode[], marked: string): string[] {
  return children.flatMap((child, index) => {
    const isLast = index === children.length - 1;
    const [first = "", ...rest] = timelineLines(child, marked);
    return [`${isLast ? "└─ " : "├─ "}${first}`, ...rest.map((line) => `${isLast ? "   " : "│  "}${line}`)];
  });
}

function lineOf({ kind, id, name, state, isHere }: TimelineNode, marked: string): string {
  const words = [kind, id, ...(name === undefined ? [] : [JSON.stringify(name)]), state];
  return [...words, ...(id === marked ? ["*"] : []), ...(isHere ? ["(went back to here)"] : [])].join(" ");
}
