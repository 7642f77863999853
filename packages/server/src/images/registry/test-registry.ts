/** A registry in this process, for tests: honest, or as bad as a test wants it. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { indexType, type MadeImage, manifestType } from "../oci/test-image.js";

export interface RegistryFaults {
  /** Wanted as Basic credentials. */
  readonly credentials?: string;
  /** Answers a blob instead of the registry. */
  readonly onBlob?: (digest: string, response: ServerResponse) => boolean;
  /** Answers everything instead of the registry. */
  readonly onRequest?: (request: IncomingMessage, response: ServerResponse) => boolean;
}

export interface TestRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** Paths that were asked for. */
  readonly asked: readonly string[];
  /** Under every tag and its digest. */
  serve(image: MadeImage): void;
  serveIndex(index: Buffer, images: readonly MadeImage[]): void;
}

export async function startRegistry(faults: RegistryFaults = {}): Promise<TestRegistry> {
  const documents = new Map<string, { readonly bytes: Buffer; readonly type: string }>();
  const blobs = new Map<string, Buffer>();
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? "";
    asked.push(path);
    if (faults.onRequest?.(request, response)) return;
    if (faults.credentials !== undefined && !isKnown(request, faults.credentials)) return refuse(response);
    if (path === "/v2/") return void response.end("{}");
    const [, kind, name = ""] = /\/(manifests|blobs)\/(.+)$/.exec(path) ?? [];
    if (kind === "blobs" && faults.onBlob?.(name, response)) return;
    const found = kind === "manifests" ? (documents.get(name) ?? documents.get("")) : blobOf(blobs, name);
    if (found === undefined) return missing(response, kind);
    response.writeHead(200, { "content-type": found.type, "content-length": found.bytes.length });
    response.end(request.method === "HEAD" ? undefined : found.bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const keep = (image: MadeImage) => {
    documents.set(image.manifestDigest, { bytes: image.manifest, type: manifestType });
    for (const [digest, blob] of image.blobs) blobs.set(digest, blob);
  };
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    serve(image) {
      keep(image);
      documents.set("", { bytes: image.manifest, type: manifestType });
    },
    serveIndex(index, images) {
      for (const image of images) keep(image);
      documents.set("", { bytes: index, type: indexType });
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function isKnown(request: IncomingMessage, credentials: string): boolean {
  return request.headers.authorization === `Basic ${Buffer.from(credentials).toString("base64")}`;
}

function refuse(response: ServerResponse): void {
  response.writeHead(401, { "www-authenticate": 'Basic realm="test"', "content-type": "application/json" });
  response.end('{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}');
}

function blobOf(blobs: ReadonlyMap<string, Buffer>, name: string) {
  const bytes = blobs.get(name);
  return bytes && { bytes, type: "application/octet-stream" };
}

function missing(response: ServerResponse, kind: string | undefined): void {
  const code = kind === "manifests" ? "MANIFEST_UNKNOWN" : "BLOB_UNKNOWN";
  response.writeHead(404, { "content-type": "application/json" });
  response.end(JSON.stringify({ errors: [{ code, message: "manifest unknown" }] }));
}
