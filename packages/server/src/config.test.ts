import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Config, variables } from "./config.js";
import { readConfig } from "./config-reading.js";
import { issuerOf } from "./config-sign-in.js";
import { temporaryDirectory } from "./store/test-record.js";

/** Reads with alcove.json as given. */
function readWith(file: unknown, environment: Record<string, string> = {}): Config {
  using directory = temporaryDirectory();
  const text = typeof file === "string" ? file : JSON.stringify(file);
  if (file !== undefined) writeFileSync(join(directory.path, "alcove.json"), text);
  return readConfig({ ALCOVE_CONFIG_DIR: directory.path, ...environment }).config;
}

const withoutDefault = [
  "metricsTokenFile",
  "previewSignIn",
  ...["listen", "tlsCertificate", "tlsKey", "oidc", "issuerUrl", "secretsKeyFile", "crashAt"],
  ...["catalogueFile", "catalogueRegistry", "registryCertificates"],
  ...["previewListen", "previewUrl", "previewTlsCertificate", "previewTlsKey"],
  ...["tcpPortsListen", "tcpPortsHost"],
];

test("without file and environment every key has a value, but those that say none", () => {
  const config = readWith(undefined);
  expect(Object.keys(config).sort()).toEqual(
    Object.keys(Config.shape)
      .filter((key) => !withoutDefault.includes(key))
      .sort(),
  );
  expect(config).toMatchObject({ engine: "auto", freeSpaceMarkBytes: 1_073_741_824 });
});

test("the environment comes before the file, the file before the default", () => {
  const file = { logLevel: "debug", maxConcurrentCreates: 3 };
  const config = readWith(file, {
    ALCOVE_LOG_LEVEL: "warn",
    ALCOVE_MEMORY_OVERCOMMIT: "2.5",
    ALCOVE_DATA_DIR: "/data",
  });
  expect(config).toMatchObject({
    logLevel: "warn",
    maxConcurrentCreates: 3,
    memoryOvercommit: 2.5,
    dataDirectory: "/data",
  });
});

test("an unknown key is refused with what there is", () => {
  expect(() => readWith({ dataDir: "/data" })).toThrow(
    expect.objectContaining({
      message: "There is no configuration key dataDir.",
      field: "dataDir",
      hint: expect.stringContaining("dataDirectory"),
    }),
  );
});

const wrong = [
  [{ engine: "docker" }, {}, "engine", "docker"],
  [{ dataDirectory: "data" }, {}, "dataDirectory", "data"],
  [{ tcpPortsListen: "127.0.0.1:80-90" }, {}, "tcpPortsListen", "127.0.0.1:80-90"],
  [{ tcpPortsListen: "127.0.0.1:3000-2000" }, {}, "tcpPortsListen", "127.0.0.1:3000-2000"],
  [{ tcpPortsListen: "300.0.0.1:3000-4000" }, {}, "tcpPortsListen", "300.0.0.1:3000-4000"],
  [{ tcpPortsListen: "0.0.0.0:20000-20099" }, {}, "tcpPortsHost", "undefined"],
  [{ maxConcurrentCreates: 0 }, {}, "maxConcurrentCreates", "0"],
  [{}, { ALCOVE_RESERVED_MEMORY_MIB: "much" }, "reservedMemoryMiB", "much"],
  [{}, { ALCOVE_LISTEN: "7443" }, "listen", "7443"],
  [{ listen: "127.0.0.1:70000" }, {}, "listen", "127.0.0.1:70000"],
  [{ listen: "0.0.0.0:7443", tls: "off" }, {}, "tls", "off"],
  [{ tlsCertificate: "/a.pem" }, {}, "tlsKey", "undefined"],
  [{}, { ALCOVE_OIDC: "https://id.example.com" }, "oidc", "https://id.example.com"],
  [
    { oidc: { issuer: "http://id.example.com", audience: "a" } },
    {},
    "oidc",
    '{"issuer":"http://id.example.com","audience":"a"}',
  ],
  [
    { previewSignIn: { clientId: "a", clientSecretFile: "/a" } },
    {},
    "previewSignIn",
    '{"clientId":"a","clientSecretFile":"/a"}',
  ],
  [{}, { ALCOVE_TRUSTED_ORIGINS: "https://a.example,*" }, "trustedOrigins", '["https://a.example","*"]'],
  [{}, { ALCOVE_CRASH_AT: "create.nowhere" }, "crashAt", "create.nowhere"],
] as const;

for (const [file, environment, key, value] of wrong) {
  test(`${key} ${value} is refused with key, value and where to correct it`, () => {
    const source = Object.keys(environment)[0] ?? "alcove.json";
    expect(() => readWith(file, environment)).toThrow(
      expect.objectContaining({ field: key, value, hint: expect.stringContaining(source) }),
    );
  });
}

test("a file that is no JSON object is told with its path", () => {
  expect(() => readWith("{")).toThrow(/alcove\.json cannot be read/);
  expect(() => readWith([1])).toThrow(/alcove\.json cannot be read: not an object/);
  using directory = temporaryDirectory();
  mkdirSync(join(directory.path, "alcove.json"));
  expect(() => readConfig({ ALCOVE_CONFIG_DIR: directory.path })).toThrow(/cannot be read/);
});

test("people sign in with the issuer whose tokens are taken, or another one", () => {
  const client = { clientId: "a", clientSecretFile: "/a" };
  const oidc = { issuer: "https://id.example.com", audience: "alcove" };
  expect(issuerOf(readWith({ oidc, previewSignIn: client }))).toBe("https://id.example.com");
  const config = readWith({ oidc, previewSignIn: { ...client, issuer: "https://people.example.com" } });
  expect(issuerOf(config)).toBe("https://people.example.com");
  expect(config.previewSignIn?.sessionSeconds).toBe(28_800);
});

test("a crash point has a name and a passage", () => {
  expect(readWith(undefined, { ALCOVE_CRASH_AT: "exec.afterStart:3" }).crashAt).toEqual({
    name: "exec.afterStart",
    passage: 3,
  });
  expect(readWith(undefined, { ALCOVE_CRASH_AT: "exec.afterStart" }).crashAt?.passage).toBe(1);
});

test("every key can be set by the environment", () => {
  expect(Object.keys(variables).sort()).toEqual(Object.keys(Config.shape).sort());
});

test("everything that is wrong is told at once, each with key, value and place", () => {
  const file = { engine: "docker", dataDir: "/data", memoryOvercommit: { a: 1 } };
  const told = expect.objectContaining({
    message: expect.stringMatching(
      /^4 things are wrong .*:\n(?=[\s\S]*dataDir\.)(?=[\s\S]*engine is docker: )(?=[\s\S]*memoryOvercommit is \{"a":1\}: )(?=[\s\S]*logLevel is loud: [^\n]+ALCOVE_LOG_LEVEL)/,
    ),
  });
  expect(() => readWith(file, { ALCOVE_LOG_LEVEL: "loud" })).toThrow(told);
});

test("the file may name its schema for an editor, as text", () => {
  expect(readWith({ $schema: "./alcove.schema.json", logLevel: "warn" }).logLevel).toBe("warn");
  expect(() => readWith({ $schema: 1 })).toThrow("There is no configuration key $schema.");
});
