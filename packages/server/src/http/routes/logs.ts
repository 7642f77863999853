import { Readable } from "node:stream";
import { type LogEntry, streamLogs } from "@alcove/contract";
import type { ExecControl, LogItem } from "../../control/execs/exec-control.js";
import { route } from "../route.js";
import type { RouteTable } from "../route-table.js";

const keepAlive = { everyMs: 15_000, text: "\n" };
const defaultTailLines = 100;
/** As many as the sandbox keeps. */
const allLines = Number.MAX_SAFE_INTEGER;

export function logRoutes(routes: RouteTable, execs: ExecControl): void {
  route(routes, streamLogs, async ({ params, query, signal }) => {
    const { logFormat, since, tailLines = since ? allLines : defaultTailLines, follow = false, ...which } = query;
    const from = since === undefined ? {} : { sinceUnixMs: Date.parse(since) };
    const items = await execs.logs(params, { tailLines, follow, ...from, ...which }, signal);
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
  if ("lostBytes" in item) return `[${item.lostBytes} bytes are not kept any more]\n`;
  if ("bytes" in item) return item.bytes;
  const { stoppedAt, resumedAt } = stillness(item);
  return `[the sandbox stood still from ${stoppedAt} to ${resumedAt}]\n`;
}

function jsonOf(item: LogItem): string {
  if ("stream" in item) return `${JSON.stringify(entryOf(item))}\n`;
  return `${JSON.stringify("lostBytes" in item ? item : stillness(item))}\n`;
}

function stillness({ stoppedAtUnixMs, resumedAtUnixMs }: Extract<LogItem, { resumedAtUnixMs: number }>) {
  const unknown = new Date(0).toISOString();
  return { stoppedAt: timeOf(stoppedAtUnixMs) ?? unknown, resumedAt: timeOf(resumedAtUnixMs) ?? unknown };
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
