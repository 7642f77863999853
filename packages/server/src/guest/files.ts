/** Calls about files. */
import type { ErrorCode } from "@alcove/contract";
import type { Head } from "./answer.js";
import { type AgentLink, callAgent } from "./call.js";
import { download } from "./download.js";
import type { Exchange } from "./exchange/exchange.js";
import { uploadAny } from "./exchange/upload.js";
import { ProtocolBreak } from "./fault.js";
import type { GuestFiles } from "./guest.js";
import { EntryAnswer, ListAnswer, Nothing, UnpackedAnswer, WrittenAnswer } from "./shapes.js";
import { watch } from "./watch.js";

const lookErrors = ["InvalidRequest", "FileNotFound", "PermissionDenied", "NotADirectory"] as const;
const watchErrors = [...lookErrors, "TooManyRequests"] as const;
const readErrors = [...lookErrors, "IsADirectory", "NotARegularFile"] as const;
const changeErrors = [...lookErrors, "FileExists", "IsADirectory", "DirectoryNotEmpty", "DiskFull"] as const;
const writeErrors = [...changeErrors, "NotARegularFile", "UserNotFound", "FileTooLarge"] as const;

const maxListBytes = 32 * 1024 * 1024;
/** Deleting or moving a large tree takes its time. */
const treeDeadlineMs = 120_000;

export function fileCalls(link: AgentLink, exchange: Exchange | undefined): GuestFiles {
  return { ...contentCalls(link, exchange), ...treeCalls(link) };
}

function contentCalls(
  link: AgentLink,
  exchange: Exchange | undefined,
): Pick<GuestFiles, "read" | "write" | "readArchive" | "writeArchive"> {
  return {
    async read(path, range, signal) {
      const call = {
        path: `/files?${query({ path, ...range })}`,
        errors: readErrors,
        exchange,
        maximumBytes: range.length,
        checkHead,
      };
      const { head, content } = await download(link, call, signal);
      return { sizeBytes: sizeOf(head), mode: modeOf(head), version: versionOf(head), content };
    },
    async write(path, content, options, signal) {
      const call = { method: "PUT", path: `/files?${query({ path, ...options })}`, content } as const;
      const answer = await uploadAny(link, exchange, { ...call, answer: WrittenAnswer, errors: writeErrors }, signal);
      return answer.bytesWritten;
    },
    async readArchive(path, signal) {
      const call = { path: `/files/archive?${query({ path })}`, errors: lookErrors, exchange };
      return (await download(link, call, signal)).content;
    },
    async writeArchive(path, content, options, signal) {
      const call = { method: "PUT", path: `/files/archive?${query({ path, ...options })}`, content } as const;
      const answer = await uploadAny(link, exchange, { ...call, answer: UnpackedAnswer, errors: writeErrors }, signal);
      return answer.entries;
    },
  };
}

function treeCalls(
  link: AgentLink,
): Pick<GuestFiles, "delete" | "stat" | "list" | "watch" | "makeDirectory" | "symlink" | "move"> {
  const change = async (method: "POST" | "DELETE", path: string, body: unknown, signal: AbortSignal) => {
    const call = { method, path, body, answer: Nothing, errors: changeErrors as readonly ErrorCode[] };
    await callAgent(link, { ...call, deadlineMs: treeDeadlineMs }, signal);
  };
  return {
    delete: (path, options, signal) => change("DELETE", `/files?${query({ path, ...options })}`, undefined, signal),
    stat: (path, signal, { followSymlinks } = { followSymlinks: false }) => {
      const asked = query({ path, ...(followSymlinks ? { follow: true } : {}) });
      const call = { method: "GET", path: `/files/stat?${asked}`, answer: EntryAnswer } as const;
      return callAgent(link, { ...call, errors: lookErrors, isRepeatable: true }, signal);
    },
    list: (path, signal) => {
      const call = { method: "GET", path: `/files/list?${query({ path })}`, answer: ListAnswer } as const;
      return callAgent(link, { ...call, errors: lookErrors, maximumBytes: maxListBytes, isRepeatable: true }, signal);
    },
    makeDirectory: (path, options, signal) => change("POST", "/files/mkdir", { path, ...options }, signal),
    watch: (path, { recursive }, signal) => {
      const call = { path: `/files/watch?${query({ path, recursive })}`, errors: watchErrors };
      return watch(link, call, signal);
    },
    symlink: (path, target, signal) => change("POST", "/files/symlink", { path, target }, signal),
    move: (from, to, options, signal) => change("POST", "/files/move", { from, to, ...options }, signal),
  };
}

function query(values: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const known = Object.entries(values).filter((entry) => entry[1] !== undefined);
  return new URLSearchParams(known.map(([name, value]): [string, string] => [name, String(value)])).toString();
}

function checkHead(head: Head): void {
  sizeOf(head);
  modeOf(head);
  versionOf(head);
}

function sizeOf(head: Head): number {
  const text = String(head["x-alcove-size"] ?? "");
  if (!/^\d{1,15}$/.test(text)) throw new ProtocolBreak("it sent a file without its size");
  return Number(text);
}

/** An older agent, of a sandbox that outlived its daemon, says only when the content was changed. */
function versionOf(head: Head): string {
  const text = String(head["x-alcove-version"] ?? `${sizeOf(head)}-${head["x-alcove-modified"] ?? 0}`);
  if (!/^[0-9a-f-]{1,64}$/.test(text)) throw new ProtocolBreak("it sent a file without its version");
  return text;
}

function modeOf(head: Head): string {
  const text = String(head["x-alcove-mode"] ?? "");
  if (!/^[0-7]{1,5}$/.test(text)) throw new ProtocolBreak("it sent a file without its mode");
  return text;
}
