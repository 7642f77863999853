/** The configuration as documents: the JSON Schema of alcove.json, and the page about it. Tests keep the files equal. */
import { z } from "zod";
import { Config, fixedDefaults, type Key, variables } from "./config.js";

/** Defaults that are not fixed, in words. */
const defaultsInWords = {
  dataDirectory: "`/var/lib/alcove` as root, else `~/.local/share/alcove`",
  runtimeDirectory: "`/run/alcove` as root, else `$XDG_RUNTIME_DIR/alcove`, else `/tmp/alcove-UID`",
  guestDirectory: "`build/guest` of the checkout",
  recipesDirectory: "`images` of the checkout",
  catalogueFile: "none",
  catalogueRegistry: "none",
  registryCertificates: "none",
  maxConcurrentCreates: "the number of processors, at least 2",
  listen: "none: the UNIX socket alone",
  tlsCertificate: "none",
  tlsKey: "none",
  previewListen: "`127.0.0.1:7480`, or another port where that one is taken",
  previewUrl: "the domain, with the port of `previewListen`",
  previewTlsCertificate: "none",
  previewTlsKey: "none",
  previewSignIn: "none",
  tcpPortsListen: "none: ports have no listeners of their own",
  tcpPortsHost: "the address of `tcpPortsListen`",
  oidc: "none",
  secretsKeyFile: "`secrets/master.key` in the data directory",
  issuerUrl: "that of `listen`, where it is one address; else no tokens are issued",
  metricsTokenFile: "none: administrators alone read the metrics",
  crashAt: "none",
} as const satisfies Record<Exclude<Key, keyof typeof fixedDefaults>, string>;

interface KeySchema {
  readonly description: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
}

/** What an editor needs to complete and check alcove.json. */
export function configSchema(): Readonly<Record<string, unknown>> {
  const { $schema, properties, ...rest } = z.toJSONSchema(Config.partial(), { io: "input" });
  const described = Object.entries(properties ?? {}).map(([key, schema]) => [
    key,
    {
      ...(schema as object),
      ...(key in fixedDefaults && { default: fixedDefaults[key as keyof typeof fixedDefaults] }),
    },
  ]);
  return {
    $schema,
    title: "alcove.json: the configuration of alcoved",
    ...rest,
    properties: {
      $schema: { type: "string", description: "Where this schema lies, for the editor" },
      ...Object.fromEntries(described),
    },
  };
}

/** docs/configuration.md. */
export function configurationPage(): string {
  return `${introduction}\n| Key | Variable | Default | What |\n|---|---|---|---|\n${rows().join("\n")}\n${conclusion}`;
}

function rows(): string[] {
  const { properties = {} } = z.toJSONSchema(Config.partial(), { io: "input" });
  return (Object.keys(variables) as Key[]).map((key) => {
    const schema = properties[key] as unknown as KeySchema;
    const what = [schema.description, ...bounds(schema)].join(". ");
    return `| \`${key}\` | \`${variables[key]}\` | ${defaultOf(key)} | ${what} |`;
  });
}

function defaultOf(key: Key): string {
  if (key in defaultsInWords) return defaultsInWords[key as keyof typeof defaultsInWords];
  const value: unknown = fixedDefaults[key as keyof typeof fixedDefaults];
  return typeof value === "number" ? `${value}` : `\`${typeof value === "string" ? value : JSON.stringify(value)}\``;
}

/** What the schema allows, where the description cannot know it. */
function bounds({ enum: values, minimum, maximum }: KeySchema): string[] {
  if (values !== undefined) return [`One of ${values.map((value) => `\`${value}\``).join(", ")}`];
  if (minimum === undefined || maximum === undefined) return [];
  return [maximum === Number.MAX_SAFE_INTEGER ? `At least ${minimum}` : `${minimum} to ${maximum}`];
}

const introduction = `# Configuration

Nothing has to be configured. A key's value comes from the daemon's environment, else from \`alcove.json\`, else it is the
default. \`alcove.json\` is a JSON object; an unknown key or a value that does not fit keeps the daemon from starting, with a
sentence for each that names key, value and place. It is read once: \`alcove down\` and \`alcove up\` make a change count;
sandboxes go on running meanwhile.

It lies in \`$ALCOVE_CONFIG_DIR\`, else in \`/etc/alcove\` as root, else in \`$XDG_CONFIG_HOME/alcove\`, else in \`~/.config/alcove\`.

\`\`\`json
{ "$schema": "./alcove.schema.json", "maxConcurrentCreates": 4, "reservedMemoryMiB": 4096 }
\`\`\`

\`alcoved --check-config\` reads what the daemon would read and says everything that is wrong with it, without starting
anything: 0 when it is good, else 1. \`alcoved --print-config-schema\` prints the JSON Schema of the file,
[alcove.schema.json](alcove.schema.json), for an editor that checks while you write; \`$schema\` is for the editor alone.

This page and the schema are made from the daemon's own schema.
`;

const conclusion = `
The variables that SDK and CLI read are in [cli.md](cli.md).
`;
