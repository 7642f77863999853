/** Answers in a content coding, as what they say. */
import type { Transform } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { type HeaderList, hasHeader, valuesOf, withoutHeaders } from "../message/header-list.js";

export type Coding = "gzip" | "deflate" | "br";

/** Undefined: none. @throws where it is one that is not known here, or several */
export function codingOf(headers: HeaderList): Coding | undefined {
  const [value, ...more] = valuesOf(headers, "content-encoding")
    .flatMap((each) => each.toLowerCase().split(","))
    .map((each) => each.trim())
    .filter((each) => each !== "" && each !== "identity");
  if (value === undefined) return undefined;
  if (more.length > 0) throw new Error("the server sent an answer in several codings, which cannot be looked through");
  if (value === "gzip" || value === "x-gzip") return "gzip";
  if (value === "deflate" || value === "br") return value;
  throw new Error("the server sent an answer in a coding that is not known, which cannot be looked through");
}

export function decoderOf(coding: Coding): Transform {
  if (coding === "gzip") return createGunzip();
  return coding === "deflate" ? createInflate() : createBrotliDecompress();
}

/** Of an answer that is decoded on its way. */
export function decodedHeaders(headers: HeaderList): HeaderList {
  const left = withoutHeaders(headers, new Set(["content-encoding", "content-length", "content-md5"]));
  // Its bytes are others now, what it says is the same.
  return left.map(([name, value]) => [name, name.toLowerCase() === "etag" ? value.replace(/^"/, 'W/"') : value]);
}

/**
 * A server is asked for nothing but gzip, which takes little memory to decode, and where the program asks for a part, for no coding: a part of it could not
 * be decoded.
 */
export function withKnownCodings(headers: HeaderList): HeaderList {
  const takesGzip = !hasHeader(headers, "range") && valuesOf(headers, "accept-encoding").some(hasGzip);
  return headers.map(([name, value]) => {
    return [name, name.toLowerCase() === "accept-encoding" ? (takesGzip ? "gzip" : "identity") : value];
  });
}

function hasGzip(accepted: string): boolean {
  return accepted.split(",").some((each) => /^\s*(?:(?:x-)?gzip|\*)\s*(?:;\s*q=(?!0(?:\.0*)?\s*$).*)?$/i.test(each));
}
