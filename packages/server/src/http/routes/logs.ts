import { Readable } from "node:stream";
import { type LogEntry, streamLogs } from "@alcove/contract";
import type { ExecControl, LogItem } from "../../control/execs/exec-control.js";
import { route } from "../route.js";
import type { RouteTable } from "../route-table.js";

const keepAlive = { everyMs: 15_000, text: "\n" };
const defaultTailLines = 100;

export function logRoutes(routes: RouteTable, execs: ExecControl): void {
  route(routes, streamLogs, async ({ params, query, signal }) => {
    const { logFormat, tailLines = defaultTailLines, follow = false, ...which } = query;
    const items = await execs.logs(params, { tailLines, follow, ...which }, signal);
    return logFormat === "json"
      ? { content: streamOf(items, jsonOf), type: "application/x-ndjson", keepAlive }
      : { content: streamOf(items, textOf), type: "text/plain; charset=utf-8" };
  });
}

function streamOf(items: AsyncIterable<LogItem>, format: (item: LogItem) => Uint8Array | string): Readable {
  const formatted = async function* () {
    for await (const item of items) yield format(item);
  };
  return Readable.from(formatted(), { highWaterMark: 16 });
}

function textOf(item: LogItem): Uint8Array | string {
  return "lostBytes" in item ? `[${item.lostBytes} bytes are not kept any more]\n` : item.bytes;
}

function jsonOf(item: LogItem): string {
  return `${JSON.stringify("lostBytes" in item ? item : entryOf(item))}\n`;
}

function entryOf({ stream, unixMs, bytes, isPartial }: Extract<LogItem, { stream: string }>): LogEntry {
  const time = unixMs === undefined ? undefined : timeOf(unixMs);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
  const line = text.replace(/\r?\n$/, "");
  return { ...(time === undefined ? {} : { time }), stream, line, ...(isPartial ? { isPartial } : {}) };
}

/** The sandbox says it: what is no date is left out. */
function timeOf(unixMs: number): string | undefined {
  const date = new Date(unixMs);
  const year = date.getUTCFullYear();
  return year >= 0 && year <= 9_999 ? date.toISOString() : undefined;
}
