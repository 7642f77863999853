/** Programs of other people, unchanged, in one sandbox, under each kind of policy: what they fetch over real TLS is what the policy says. */
import { type EgressPolicy, Sandbox } from "alcove";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestDaemon } from "../harness/daemon.js";
import { endRecipeDaemon, startRecipeDaemon } from "../harness/recipe-daemon.js";
import { bringContainer, inContainer } from "./programs/container.js";
import { bringNpm, bringPrograms, type Fetcher, fetcherNames, fetchWith } from "./programs/programs.js";
import { startUpstream, type Upstream } from "./programs/upstream.js";

const minute = 60_000;
let daemon: TestDaemon;
let upstream: Upstream;
let sandbox: Sandbox;
let able: readonly Fetcher[];
let hasNpm: boolean;
beforeAll(async () => {
  upstream = await startUpstream();
  daemon = await startRecipeDaemon({ name: "programs", signal: AbortSignal.timeout(20 * minute) });
  await daemon.alcove.defaultGroup.egressPolicies.setSettings({
    resolverOverrides: { "api.test": "127.0.0.1", "files.test": "127.0.0.1", "old.test": "127.0.0.1" },
    upstreamCertificates: upstream.certificate,
  });
  sandbox = await Sandbox.create({ image: "programs", memory: "1Gi", alcove: daemon.alcove });
  able = await bringPrograms(sandbox);
  hasNpm = await bringNpm(sandbox);
  // Whoever is not shown another certificate has to trust the servers' own.
  await sandbox.files.write("/root/upstream.pem", upstream.certificate);
  await sandbox.exec("cat /root/upstream.pem >> /etc/ssl/certs/ca-certificates.crt");
  await bringContainer(sandbox);
}, 25 * minute);
afterAll(async () => {
  await endRecipeDaemon(daemon);
  await upstream[Symbol.asyncDispose]();
}, minute);

const near: EgressPolicy["transportRules"] = {
  rules: [{ action: "Allow", protocol: "Tcp", destination: "127.0.0.1/32" }],
};
type Rule = NonNullable<EgressPolicy["rules"]>[number];
const signed: Rule = {
  name: "signed",
  match: { host: "api.test", path: "/signed" },
  action: { type: "Transform", headers: [{ operation: "Set", name: "X-Key", value: "of-the-gate" }] },
};
const old: Rule = {
  name: "old",
  match: { host: "old.test" },
  action: { type: "Rewrite", host: "api.test", path: "/public/new" },
};

const some: EgressPolicy = {
  defaultAction: "Deny",
  rules: [
    { name: "public", match: { host: "api.test", path: "/public/**", methods: ["GET"] }, action: { type: "Allow" } },
    ...[signed, old],
    { name: "files", match: { host: "files.test", path: "/**" }, action: { type: "Allow" } },
  ],
  transportRules: near,
};
const allSeen: EgressPolicy = {
  defaultAction: "Allow",
  trafficInspection: "Full",
  rules: [signed],
  transportRules: near,
};
const allUnseen: EgressPolicy = { defaultAction: "Allow", trafficInspection: "None", transportRules: near };
const partly: EgressPolicy = {
  defaultAction: "Allow",
  trafficInspection: "Partial",
  rules: [signed],
  hostRules: [{ pattern: "old.test", action: "Allow" }],
  transportRules: near,
};
const nothing: EgressPolicy = { defaultAction: "Deny", transportRules: near };

const packages: readonly (readonly [string, (url: string) => string, string])[] = [
  ["git", (url) => `git clone -q ${url}/thing.git /root/thing && cat /root/thing/word`, "from git"],
  [
    "apt",
    (url) =>
      `echo 'deb [trusted=yes] ${url}/apt ./' > /etc/apt/sources.list && rm -rf /etc/apt/sources.list.d && apt-get update && apt-cache policy thing`,
    "Candidate: 1.2.3",
  ],
  [
    "pip",
    (url) =>
      `pip install -q --disable-pip-version-check --break-system-packages --index-url ${url}/simple thing && python3 -c 'import thing; print(thing.word)'`,
    "from pip",
  ],
  [
    "npm",
    (url) =>
      `mkdir -p /root/npm && cd /root/npm && npm install --no-audit --no-fund --no-update-notifier --registry ${url}/npm/ thing && node -p 'require("thing")'`,
    "from npm",
  ],
];

describe("a policy with rules for requests", () => {
  beforeAll(() => put(some), minute);

  test.for(fetcherNames)(
    "%s gets what is allowed, and what is changed on its way, and is told what denies the rest",
    async (name, context) => {
      if (!able.includes(name)) context.skip("this host cannot compile it");
      const paths = [
        api("/public/x"),
        api("/public/y", 1),
        api("/signed"),
        `${upstream.url("old.test")}/old`,
        api("/no"),
      ];
      const { lines } = await fetchWith(sandbox, name, paths);
      expect(lines).toEqual([
        `200 GET /public/x ${at("api.test")} no key`,
        `200 GET /public/y ${at("api.test", 1)} no key`,
        `200 GET /signed ${at("api.test")} of-the-gate`,
        `200 GET /public/new ${at("api.test")} no key`,
        expect.stringMatching(/^403 Alcove denied GET https:\/\/api\.test:\d+\/no/),
      ]);
    },
  );

  test.for(packages)("%s installs from a repository", async ([name, command, said], context) => {
    if (name === "npm" && !hasNpm) context.skip("this host has no npm in a directory of its own");
    const { exitCode, stdout, stderr } = await sandbox.exec(command(upstream.url("files.test")));
    expect({ exitCode, stderr, stdout }).toMatchObject({ exitCode: 0, stdout: expect.stringContaining(said) });
  });
});

/** Java, which takes longest to start, has whom it trusts elsewhere. */
const others: readonly Fetcher[] = fetcherNames.filter((name) => !name.startsWith("Java"));

test.each([
  ["all is allowed and all TLS is opened", allSeen, "of-the-gate"],
  ["all is allowed and no TLS is opened", allUnseen, "no key"],
] as const)("%s", { timeout: 5 * minute }, async (_, policy, key) => {
  await put(policy);
  for (const name of others.filter((each) => able.includes(each))) {
    const { lines } = await fetchWith(sandbox, name, [api("/signed")]);
    expect(lines, name).toEqual([`200 GET /signed ${at("api.test")} ${key}`]);
  }
});

test("some TLS is opened and some is not: programs trust both", { timeout: 5 * minute }, async () => {
  await put(partly);
  for (const name of others.filter((each) => able.includes(each))) {
    const { lines, stderr } = await fetchWith(sandbox, name, [api("/signed"), `${upstream.url("old.test")}/x`]);
    expect(lines, `${name}: ${stderr}`).toEqual([
      `200 GET /signed ${at("api.test")} of-the-gate`,
      `200 GET /x ${at("old.test")} no key`,
    ]);
  }
});

test("containers of an engine are captured too, and their datagrams are refused", { timeout: 5 * minute }, async () => {
  await put(allSeen);
  const allowed = await inContainer(sandbox, `/fetch ${api("/signed")}`);
  expect(allowed).toBe(`200 GET /signed ${at("api.test")} of-the-gate\n`);
  expect(await inContainer(sandbox, "/datagrams")).toBe("udp refused at once\nip4:icmp refused at once\n");
  await put(some);
  const denied = await inContainer(sandbox, `/fetch ${api("/no")} https://other.test/`);
  expect(denied).toMatch(/^403 Alcove denied GET https:\/\/api\.test:\d+\/no[^\n]*\nfailed\n$/);
});

test("nothing is allowed: programs fail, since there is no such name", { timeout: 5 * minute }, async () => {
  await put(nothing);
  for (const name of others.filter((each) => able.includes(each))) {
    const { lines } = await fetchWith(sandbox, name, [api("/signed")]);
    expect(lines, name).toEqual(["failed"]);
  }
});

async function put(policy: EgressPolicy): Promise<void> {
  await sandbox.setEgressPolicy(policy);
}

function api(path: string, port: 0 | 1 = 0): string {
  return `${upstream.url("api.test", port)}${path}`;
}

/** As a Host header has it. */
function at(host: "api.test" | "old.test", port: 0 | 1 = 0): string {
  return new URL(upstream.url(host, port)).host;
}
