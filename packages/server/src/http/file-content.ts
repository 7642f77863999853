/** A file as an HTTP answer: whole, or the part that the query or the header Range names. */
import type { IncomingHttpHeaders } from "node:http";
import { AlcoveError, toProblem } from "@alcove/contract";
import type { FileControl } from "../control/files/file-control.js";
import type { SandboxRef } from "../control/sandboxes/sandbox-control.js";
import { type AskedRange, parseRange, partOf } from "./byte-range.js";
import type { Bytes } from "./route.js";

export interface FileRequest {
  readonly params: SandboxRef;
  readonly query: { readonly path: string; readonly offset?: number; readonly length?: number };
  readonly headers: IncomingHttpHeaders;
  readonly signal: AbortSignal;
}

type ReadFile = Awaited<ReturnType<FileControl["read"]>>;

export async function fileContent(files: FileControl, request: FileRequest): Promise<Bytes> {
  const { query, headers } = request;
  const { path, ...part } = query;
  if (headers.range === undefined) return wholeOrPart(await read(files, request, part), part);
  if (part.offset !== undefined || part.length !== undefined) {
    throw new AlcoveError("InvalidRequest", "The header Range and the query both name a part.", {
      field: "range",
      value: headers.range.slice(0, 80),
      hint: "Use one of them.",
    });
  }
  const asked = parseRange(headers.range);
  if (asked === undefined) return wholeOrPart(await read(files, request, {}), {});
  if (asked === "invalid") return notSatisfiable(path, headers.range, undefined);
  return ranged(files, request, asked);
}

async function ranged(files: FileControl, request: FileRequest, asked: AskedRange): Promise<Bytes> {
  const { headers, query } = request;
  const { first, last } = asked.kind === "from" ? asked : await lastBytes(files, request, asked.length);
  const length = last === undefined ? {} : { length: Math.max(0, last - first + 1) };
  const file = await read(files, request, { offset: first, ...length });
  const isOther = headers["if-range"] !== undefined && headers["if-range"] !== tagOf(file);
  if (isOther || file.sizeBytes === 0) {
    file.content.destroy();
    return wholeOrPart(await read(files, request, {}), {});
  }
  const part = partOf({ first, last }, file.sizeBytes);
  if (part === undefined) {
    file.content.destroy();
    return notSatisfiable(query.path, headers.range ?? "", file.sizeBytes);
  }
  const range = `bytes ${first}-${first + part - 1}/${file.sizeBytes}`;
  return { status: 206, content: file.content, length: part, headers: { ...headersOf(file), "content-range": range } };
}

/** Only where a range counts from the end its place depends on the size. */
async function lastBytes(files: FileControl, request: FileRequest, length: number) {
  const { sizeBytes, content } = await read(files, request, { length: 0 });
  content.destroy();
  return { first: Math.max(0, sizeBytes - length), last: sizeBytes - 1 };
}

function read(files: FileControl, { params, query, signal }: FileRequest, part: { offset?: number; length?: number }) {
  return files.read(params, query.path, part, signal);
}

/** The length of what is read; unknown where a file says that it has no size, as those of /proc do. */
function wholeOrPart(file: ReadFile, part: { readonly offset?: number; readonly length?: number }): Bytes {
  if (file.sizeBytes === 0) return { content: file.content };
  const rest = Math.max(0, file.sizeBytes - (part.offset ?? 0));
  return { content: file.content, length: Math.min(rest, part.length ?? rest), headers: headersOf(file) };
}

function headersOf(file: ReadFile) {
  return { "accept-ranges": "bytes", etag: tagOf(file) };
}

function tagOf({ version }: ReadFile): string {
  return `"${version}"`;
}

function notSatisfiable(path: string, range: string, sizeBytes: number | undefined): Bytes {
  const value = range.slice(0, 80);
  const detail =
    sizeBytes === undefined
      ? `The range ${value} is not one range of bytes.`
      : `The file ${path} has ${sizeBytes} bytes; none of them is in the range ${value}.`;
  const error = new AlcoveError("RangeNotSatisfiable", detail, { field: "range", value });
  return {
    status: error.status,
    type: "application/problem+json",
    content: Buffer.from(JSON.stringify(toProblem(error))),
    headers: sizeBytes === undefined ? {} : { "content-range": `bytes */${sizeBytes}` },
  };
}
