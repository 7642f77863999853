/**
 * A request to every endpoint that would succeed with the right key, for tests that walk over all of them. A new endpoint
 * needs a line here: what its query and body are; its path is filled in from what `Places` has.
 */
import { once } from "node:events";
import { type IncomingHttpHeaders, request } from "node:http";
import { type Endpoint, endpoints } from "@alcove/contract";
import { WebSocket } from "ws";
import { emptySnapshotArchive } from "./snapshot-archive-test-kit.js";

export interface Sample {
  readonly query?: string;
  readonly body?: object | Uint8Array;
  /** Where the body names a place. */
  readonly bodyOf?: (places: Places) => object;
  /** The first message of a WebSocket. */
  readonly message?: object;
}

const file = "path=%2Ftmp%2Fsecret";
const sandbox = { sourcesRef: { diskImage: { name: "debian" } } };

/** Whoever adds an endpoint is told here that it is missing. */
export const samples: Readonly<Record<string, Sample>> = {
  ...{ getHealth: {}, getVersion: {}, getDoctor: {}, backUpServer: {}, getSizes: {}, getStorage: {}, whoAmI: {} },
  ...{ pruneSystem: { body: {} }, listTemplates: {}, pruneTemplates: { body: {} } },
  ...{ rebuildTemplate: { body: {} }, deleteTemplate: {} },
  ...{ listGroups: {}, getGroup: {}, deleteGroup: { query: "force=true" } },
  createGroup: { body: { name: "fresh" } },
  updateGroup: { body: { tags: { a: "b" } } },
  setGroupQuota: { body: { sandboxes: 100 } },
  setSnapshotRetention: { body: { keptPerSandbox: 100 } },
  ...{ getGroupUsage: {}, listUsageRecords: {} },
  createSandbox: { body: sandbox },
  createSandboxes: { body: { count: 1, sandbox } },
  ...{
    listSandboxes: {},
    countSandboxes: {},
    getSandbox: {},
    deleteSandbox: {},
    getSandboxStats: {},
    streamSandboxStats: {},
  },
  ...{ stopSandbox: { body: {} }, stopSandboxAsync: { body: {} }, disableSandbox: { body: {} } },
  ...{ enableSandbox: { body: {} }, resumeSandbox: { body: {} } },
  updateSandbox: { body: { labels: { a: "b" } } },
  setLifecycle: { body: { maximumLifetimeInSeconds: 86_400 } },
  ...{ listProcesses: {}, streamProcesses: {}, getConsole: {}, streamLogs: { query: "follow=false" } },
  ...{ takeSnapshot: { body: {} }, forkSandbox: { body: { count: 1 } } },
  rollbackSandbox: { bodyOf: ({ snapshotId }) => ({ snapshotId }) },
  commitSandbox: { body: { name: "committed" } },
  ...{ listSnapshots: {}, countSnapshots: {}, getSnapshot: {}, deleteSnapshot: {} },
  exportSnapshot: {},
  importSnapshot: { body: emptySnapshotArchive() },
  updateSnapshot: { body: { labels: { a: "b" } } },
  executeCommand: { body: { command: "true" } },
  executeShellCommand: { body: { command: "true" } },
  streamExec: { message: { type: "start", start: { args: ["true"] } } },
  ...{ streamTerminal: { message: { type: "start", start: { command: "true" } } }, attachTerminal: {} },
  startExec: { body: { args: ["sleep", "60"] } },
  ...{ listExecs: {}, getExec: {}, attachExec: {}, deleteExec: { query: "force=true" } },
  writeStdin: { body: new Uint8Array([10]) },
  signalExec: { body: { signal: "TERM" } },
  ...{ listPorts: {}, addPort: { body: { port: 8080 } }, removePort: { body: { port: 8080 } } },
  ...{
    replacePorts: { body: { ports: [{ port: 43_210 }] } },
    changePort: { body: { port: 43_210, auth: { anonymous: true } } },
  },
  ...{ linkPort: { body: { port: 43_210 } }, connectPort: {} },
  ...{ readFile: { query: file }, statFile: { query: file }, deleteFile: { query: file } },
  writeFile: { query: "path=%2Ftmp%2Fother", body: new Uint8Array([1]) },
  listFiles: { query: "path=%2Ftmp" },
  watchFiles: { query: "path=%2Ftmp" },
  makeDirectory: { body: { path: "/tmp/new" } },
  makeSymlink: { body: { path: "/tmp/link", target: "secret" } },
  moveFile: { body: { from: "/tmp/other", to: "/tmp/moved" } },
  readArchive: { query: "path=%2Ftmp" },
  writeArchive: { query: "path=%2Ftmp", body: new Uint8Array(1_024) },
  ...{
    listPublicImages: {},
    listImages: {},
    getImage: {},
    deleteImage: {},
    prepareImage: { body: {} },
    pruneImages: { body: {} },
  },
  createImage: { body: { name: "pulled", source: { kind: "registry", imageUrl: "registry.example.com/x" } } },
  writeImageContent: { body: new Uint8Array(512) },
  ...{ getEgressDecisions: {}, streamEgressDecisions: {}, listEgressPolicies: {}, getEgressPolicy: {} },
  setEgressPolicy: { body: { defaultAction: "Deny" } },
  setEgressPolicyId: { bodyOf: ({ egressPolicyId }) => ({ egressPolicyId }) },
  testSandboxEgress: { body: { url: "https://example.com/" } },
  testEgress: { body: { url: "https://example.com/" } },
  putEgressPolicy: { body: { policy: { defaultAction: "Deny" } } },
  ...{ deleteEgressPolicy: {}, getGroupEgress: {}, setGroupEgress: { body: {} } },
  ...{ listSecrets: {}, getSecret: {}, listSecretKeys: {}, peekSecret: { body: {} }, deleteSecret: {} },
  putSecret: { body: { values: { token: "sample" } } },
  ...{ listVolumes: {}, getVolume: {}, deleteVolume: {}, detachVolume: {} },
  createVolume: { body: { name: "made", size: "1Gi" } },
  forkVolume: { body: { destinationVolumeName: "copied" } },
  attachVolume: { bodyOf: ({ volumeName }) => ({ volumeName, mountpoint: "/volume" }) },
  ...{ getGroupIdentity: {}, setGroupIdentity: { body: { audiences: ["alcove"] } } },
  ...{ issueGroupToken: { body: { resource: "alcove" } }, rotateIssuerKeys: { body: {} } },
  ...{ getOpenidConfiguration: {}, getKeySet: {} },
  ...{ listPools: {}, getPool: {}, deletePool: {} },
  putPool: { body: { ...sandbox, minimum: 0 } },
  streamEvents: { query: "after=0" },
  createKey: { body: { name: "k", isAdmin: true } },
  createGroupKey: { body: { name: "k", role: "reader" } },
  ...{ listKeys: {}, revokeKey: {}, listGroupKeys: {}, revokeGroupKey: {} },
  ...{ listRoleAssignments: {}, getRoleAssignment: {}, deleteRoleAssignment: {}, listAudit: {}, listGroupAudit: {} },
  putRoleAssignment: { body: { role: "reader" } },
};

/** What takes things away comes last. */
export const inOrder: readonly Endpoint[] = [...endpoints].sort((one, other) => weight(one) - weight(other));

function weight({ method, id, path }: Endpoint): number {
  if (id.startsWith("prune")) return 1;
  // Of what is in something before it itself.
  return method === "DELETE" ? 100 - path.length / 10 : 0;
}

/** The parameters of paths, by name. */
export type Places = Readonly<Record<string, string>>;

export interface Outcome {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Of a WebSocket its messages and how it closed. */
  readonly text: string;
}

export interface Sending {
  readonly port: number;
  /** Loopback has many: guesses are counted by address. */
  readonly from?: string;
  readonly key: string | undefined;
  readonly places: Places;
}

/** Sends the endpoint's sample. */
export function send(endpoint: Endpoint, sending: Sending): Promise<Outcome> {
  const sample = samples[endpoint.id];
  if (sample === undefined) throw new Error(`endpoint-samples-test-kit.ts has no request for ${endpoint.id}`);
  const path = endpoint.path.replace(/:(\w+)/g, (_whole, name: string) => {
    const place = sending.places[name];
    if (place === undefined) throw new Error(`endpoint-samples-test-kit.ts has no place for :${name}`);
    return encodeURIComponent(place);
  });
  const target = sample.query === undefined ? path : `${path}?${sample.query}`;
  return endpoint.stream === undefined
    ? sendRequest(endpoint.method, target, sample, sending)
    : openSocket(target, sample, sending);
}

/** Streams without an end are read for so long. */
const readForMs = 300;

async function sendRequest(method: string, path: string, sample: Sample, sending: Sending): Promise<Outcome> {
  const body = sample.bodyOf?.(sending.places) ?? sample.body;
  const isBytes = body instanceof Uint8Array;
  const type = body === undefined ? {} : { "content-type": isBytes ? "application/octet-stream" : "application/json" };
  const outgoing = request({ ...connection(sending), method, path, headers: { ...bearer(sending), ...type } });
  outgoing.end(isBytes ? body : body && JSON.stringify(body));
  const [incoming] = await once(outgoing, "response");
  const timer = setTimeout(() => incoming.destroy(), readForMs);
  let text = "";
  try {
    for await (const chunk of incoming) text += chunk;
  } catch (error) {
    if (!incoming.headers["content-type"]?.includes("ndjson")) throw error;
  } finally {
    clearTimeout(timer);
  }
  return { status: incoming.statusCode, headers: incoming.headers, text };
}

function openSocket(path: string, { message }: Sample, sending: Sending): Promise<Outcome> {
  const socket = new WebSocket(`ws://127.0.0.1:${sending.port}${path}`, {
    ...connection(sending),
    headers: bearer(sending),
  });
  const messages: string[] = [];
  socket.on("open", () => message && socket.send(JSON.stringify(message)));
  socket.on("message", (data, isBinary) => messages.push(isBinary ? "bytes" : String(data)));
  return new Promise((resolve, reject) => {
    let headers: IncomingHttpHeaders = {};
    socket.on("upgrade", (response) => {
      headers = response.headers;
      setTimeout(() => socket.terminate(), readForMs);
    });
    socket.on("unexpected-response", (_request, response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
    });
    socket.on("close", (code) => resolve({ status: 101, headers, text: [...messages, code].join("\n") }));
    socket.on("error", reject);
  });
}

function connection({ port, from }: Sending) {
  return { host: "127.0.0.1", port, agent: false as const, ...(from && { localAddress: from }) };
}

function bearer({ key }: Sending): Record<string, string> {
  return key === undefined ? {} : { authorization: `Bearer ${key}` };
}
