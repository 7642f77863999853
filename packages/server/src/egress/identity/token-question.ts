/**
 * What a program asks when it wants a token, in the two ways that Azure's clients know. Each needs a header that nobody can be talked
 * into sending by a URL alone, and nothing that came by way of a proxy is answered: against programs that fetch what others name.
 */
import type { IncomingMessage } from "node:http";
import { headersOf } from "../../lib/grouped-headers.js";
import { appServicePath, identityAddress, identityPort, metadataPath } from "./endpoints.js";

/** appService: IDENTITY_ENDPOINT. metadata: the metadata service of virtual machines. */
export type Way = "appService" | "metadata";

export type TokenQuestion =
  | { readonly way: Way; readonly resource: string; readonly clientId: string | undefined }
  | { readonly way: Way; readonly status: 400 | 401 | 404 | 405; readonly error: string; readonly sentence: string };

type Asked = Pick<IncomingMessage, "method" | "url" | "rawHeaders">;

const hosts = [identityAddress, `${identityAddress}:${identityPort}`];
const versions: Readonly<Record<Way, RegExp>> = { appService: /^2019-08-01$/, metadata: /^20(?:18-02-01|19|2\d)/ };
const longestResource = 512;
/** Ways of naming an identity that there is none by. */
const foreignIds = ["object_id", "principal_id", "mi_res_id", "msi_res_id"];

export function readQuestion({ method, url = "", rawHeaders }: Asked, header: string): TokenQuestion {
  const headers = headersOf({ rawHeaders });
  const [path = "", query = ""] = splitOnce(url, "?");
  const way: Way = path === metadataPath ? "metadata" : "appService";
  const refuse = (status: 400 | 401 | 404 | 405, error: string, sentence: string): TokenQuestion => ({
    ...{ way, status, error, sentence },
  });
  const invalid = (sentence: string) => refuse(400, "invalid_request", sentence);
  if (!hosts.includes(only(headers.host) ?? "")) return invalid("The Host header is not that of this endpoint");
  if (path !== appServicePath && path !== metadataPath) return refuse(404, "not_found", "There is nothing here");
  if (method !== "GET") return refuse(405, "invalid_request", "Tokens are asked for with GET");
  if (headers["x-forwarded-for"] !== undefined) return invalid("Requests with X-Forwarded-For are refused");
  if (way === "metadata" && only(headers.metadata)?.toLowerCase() !== "true")
    return invalid("Required metadata header not specified");
  if (way === "appService" && only(headers["x-identity-header"]) !== header)
    return refuse(401, "unauthorized", "X-IDENTITY-HEADER is not what the environment has");
  return (
    readQuery(new URLSearchParams(query), way) ?? invalid("The query must have api-version and resource, once each")
  );
}

function readQuery(query: URLSearchParams, way: Way): TokenQuestion | undefined {
  const [version = "", ...otherVersions] = query.getAll("api-version");
  const [resource = "", ...otherResources] = query.getAll("resource");
  if (!versions[way].test(version) || otherVersions.length + otherResources.length > 0) return undefined;
  if (resource.length > longestResource || !/^[!-~]+$/.test(resource)) return undefined;
  const foreign = foreignIds.find((name) => query.has(name));
  return { way, resource, clientId: foreign === undefined ? (query.get("client_id") ?? undefined) : "" };
}

function only(values: readonly string[] | undefined): string | undefined {
  return values?.length === 1 ? values[0] : undefined;
}

function splitOnce(text: string, mark: string): string[] {
  const at = text.indexOf(mark);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + mark.length)];
}
